// Making elements.

type Attributes = Record<string, string | number | boolean | ((event: Event) => void)>;
type Child = Node | string;

/** An element; an attribute that is a function listens, and one that is false is left out. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, `${value}`);
  }
  element.append(...children);
  return element;
}

/** A control with its name before it. */
export function labelled(name: string, control: HTMLElement, after: Child = ""): HTMLElement {
  controls += 1;
  control.id ||= `control-${controls}`;
  return make("div", { class: "field" }, make("label", { for: control.id }, name), control, after);
}
let controls = 0;

export function slider(
  min: number,
  max: number,
  step: number,
  value: number,
  change: (value: number) => void,
): HTMLInputElement {
  const input = make("input", {
    type: "range",
    min,
    max,
    step,
    value,
    oninput: () => change(Number(input.value)),
  });
  return input;
}

export function choice(
  values: readonly (readonly [value: string, name: string])[],
  chosen: string,
  change: (value: string) => void,
): HTMLSelectElement {
  const options = values.map(([value, name]) =>
    make("option", { value, selected: value === chosen }, name),
  );
  const select = make("select", { onchange: () => change(select.value) }, ...options);
  return select;
}
