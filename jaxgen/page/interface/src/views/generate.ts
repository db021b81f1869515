// Digits drawn by a model, as bin/sample draws them.

import type { Client, Running } from "../client.ts";
import { choice, labelled, make } from "../dom.ts";
import { idxImages, idxLabels, npz, save } from "../files.ts";
import type { View } from "../main.ts";
import { frame, greys, PIXELS, SIDE, show } from "../pictures.ts";
import type { ModelFacts, Settings } from "../protocol.ts";
import { defaults, digitChoices, labelsOf, settingsFields } from "../settings.ts";
import { number, problem, say } from "../words.ts";

const COLUMNS = 10;

// What was chosen stays while other views are shown.
const chosen = { model: "", digit: "all", count: "20", seed: "0" };
const settingsOf = new Map<string, Settings>();

export function generate(client: Client): View {
  chosen.model ||= client.models.some(({ name }) => name === "cvae")
    ? "cvae"
    : client.models[0].name;
  let running: Running | null = null;
  const controls = make("div", { class: "controls" });
  const status = make("p", { role: "status" });
  const results = make("div", { class: "results" });
  const content = make(
    "section",
    { "aria-label": say("generate") },
    make(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          begin();
        },
      },
      controls,
    ),
    status,
    results,
  );

  function fill(): void {
    const facts = client.find(chosen.model);
    const settings = settingsOf.get(facts.name) ?? defaults(facts);
    settingsOf.set(facts.name, settings);
    const seed = make("input", {
      type: "number",
      min: 0,
      max: 2 ** 32 - 1,
      step: 1,
      required: true,
      value: chosen.seed,
      onchange: () => (chosen.seed = seed.value),
    });
    const fields: HTMLElement[] = [
      labelled(
        say("model"),
        choice(
          client.models.map(({ name }) => [name, name]),
          facts.name,
          (name) => {
            chosen.model = name;
            fill();
          },
        ),
      ),
      labelled(
        say("digit"),
        choice(
          digitChoices(facts, client.classes),
          digitFor(facts),
          (value) => (chosen.digit = value),
        ),
      ),
      labelled(
        say("count"),
        choice(
          ["10", "20", "50", "100"].map((n) => [n, n]),
          chosen.count,
          (value) => (chosen.count = value),
        ),
      ),
      labelled(say("seed"), seed),
    ];
    fields.push(...settingsFields(facts, settings, fill, () => {}));
    controls.replaceChildren(...fields, make("button", { class: "main" }, say("go")));
  }

  /** The digit that is chosen, or the first choice of a model that does not offer it. */
  function digitFor(facts: ModelFacts): string {
    const offered = digitChoices(facts, client.classes).map(([value]) => value);
    return offered.includes(chosen.digit) ? chosen.digit : offered[0];
  }

  function begin(): void {
    running?.stop();
    const facts = client.find(chosen.model);
    const settings = { ...settingsOf.get(facts.name)! };
    const [model, seed, count] = [facts.name, Number(chosen.seed), Number(chosen.count)];
    const labels = labelsOf(facts, digitFor(facts), count);
    const grid = frame(say("grid", { count, model }), COLUMNS, Math.ceil(count / COLUMNS));
    grid.className = "grid";
    const pixels = new Uint8Array(count * PIXELS);
    const from = performance.now();
    let done = 0;
    const stop = make("button", { type: "button", onclick: () => running?.stop() }, say("stop"));
    status.replaceChildren(say("working", { done, count }), " ", stop);
    results.replaceChildren(grid);
    const own = client.run({ do: "sample", model, seed, labels, settings }, (start, images) => {
      for (let i = 0; i < images.length / PIXELS; i++) {
        const grey = greys(images, i);
        const place = start + i;
        pixels.set(grey, place * PIXELS);
        show(grid, grey, SIDE * (place % COLUMNS), SIDE * Math.floor(place / COLUMNS));
      }
      done = start + images.length / PIXELS;
      if (running === own) status.firstChild!.textContent = say("working", { done, count });
    });
    running = own;
    own.done.then(
      () => {
        if (running !== own) return;
        const seconds = number((performance.now() - from) / 1000, 1);
        const all = done === count;
        status.textContent = all
          ? say("finished", { count: number(count), seconds })
          : say("stopped", { count: number(done) });
        if (!all) return;
        const digit = digitFor(facts);
        const asked = client.classes[Number(digit)] ?? digit;
        const line = command(asked, model, seed, count, settings, facts);
        results.append(commandLine(line), downloads(grid, pixels, labels, `${model}-${seed}`));
      },
      (reason: unknown) => {
        if (running === own) status.textContent = problem(reason);
      },
    );
  }

  fill();
  return { content, leave: () => running?.stop() };
}

/** The command that draws the same digits. */
function command(
  asked: string,
  model: string,
  seed: number,
  count: number,
  settings: Settings,
  facts: ModelFacts,
): string {
  const parts = ["bin/sample", facts.command || `--model ${model}`];
  const quoted = /^[\w.-]+$/.test(asked) ? asked : `'${asked.replaceAll("'", "'\\''")}'`;
  if (asked !== "all") parts.push(`--digit ${quoted}`);
  parts.push(`--count ${count}`, `--seed ${seed}`);
  if (facts.guidance !== undefined && settings.guidance !== facts.guidance) {
    parts.push(`--guidance ${settings.guidance}`);
  }
  if (facts.diffusion && settings.sampler !== facts.diffusion.sampler) {
    parts.push(`--sampler ${settings.sampler}`);
  }
  if (facts.diffusion && settings.steps !== facts.diffusion.steps) {
    parts.push(`--steps ${settings.steps}`);
  }
  return parts.join(" ");
}

function commandLine(line: string): HTMLElement {
  const copy = make(
    "button",
    {
      type: "button",
      onclick: async () => {
        await navigator.clipboard?.writeText(line);
        copy.textContent = say("copied");
      },
    },
    say("copy"),
  );
  return make("p", {}, say("command"), make("br"), make("code", {}, line), " ", copy);
}

function downloads(
  grid: HTMLCanvasElement,
  pixels: Uint8Array,
  labels: number[],
  name: string,
): HTMLElement {
  const button = (kind: string, onclick: () => void) =>
    make("button", { type: "button", onclick }, kind);
  return make(
    "p",
    { class: "downloads" },
    make("span", {}, say("download")),
    button("PNG", () => grid.toBlob((blob) => save(`${name}.png`, [blob!], "image/png"))),
    button("NPZ", () => save(`${name}.npz`, [npz(pixels, labels)])),
    button("IDX", () => {
      save(`${name}-images-idx3-ubyte`, [idxImages(pixels, labels.length)]);
      save(`${name}-labels-idx1-ubyte`, [idxLabels(labels)]);
    }),
  );
}
