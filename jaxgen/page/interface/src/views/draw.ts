// A digit drawn by hand, and what each model makes of it.

import type { Client, Running } from "../client.ts";
import { choice, labelled, make, slider } from "../dom.ts";
import type { View } from "../main.ts";
import { frame, greys, PIXELS, SIDE, show } from "../pictures.ts";
import { type Picture, type Prepared, prepare } from "../prepare.ts";
import type { Images, Task } from "../protocol.ts";
import { keyOf, normal } from "../random.ts";
import { keep } from "../state.ts";
import { canConvert } from "../tasks.ts";
import { number, problem, say } from "../words.ts";

const FIELD = 280; // pixels along an edge
const MARGIN = 14; // that stay free, so that the paper is even along the edges
const PEN = 20;
const SURE = 0.6; // jaxgen/evaluation/judge.py

type Point = readonly [x: number, y: number];
type Stroke = Point[];

const EXAMPLE: Stroke[] = [
  [
    [85, 75],
    [110, 62],
    [150, 60],
    [190, 66],
    [182, 100],
    [160, 140],
    [140, 185],
    [128, 228],
  ],
  [
    [105, 150],
    [145, 148],
    [185, 142],
  ],
];

// What was drawn stays while other views are shown.
const strokes: Stroke[] = [];
let picture: ImageData | null = null; // a file, in place of strokes
let real: number | null = null; // the index of a real image, in place of both
let asked = ""; // the digit that a person says it is
let written = "";
let hidden = "left";
let sigma = 0.5;

const HIDDEN: Record<string, (x: number, y: number) => boolean> = {
  left: (x) => x < 14,
  right: (x) => x >= 14,
  top: (_, y) => y < 14,
  bottom: (_, y) => y >= 14,
  middle: (x, y) => x >= 9 && x < 19 && y >= 9 && y < 19,
};

export function draw(client: Client): View {
  const { isOfDigits } = client;
  const isSpelled = client.classes.every((name) => name.length === 1);
  written ||= isOfDigits ? "2026" : client.classes.slice(0, 4).join("");
  const paper = make("canvas", {
    width: FIELD,
    height: FIELD,
    class: "paper",
    tabindex: 0,
    role: "img",
    "aria-label": say("paper"),
  });
  const small = frame(say("as-mnist"));
  const verdict = make("p", { role: "status" }, say("nothing"));
  const answers = make("div", { class: "answers" });
  const file = make("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    "aria-label": say("open"),
    onchange: () => {
      if (file.files?.[0]) open(file.files[0]);
      file.value = "";
    },
  });
  const buttons = make(
    "p",
    { class: "buttons" },
    make(
      "button",
      {
        type: "button",
        onclick: () => {
          picture = real = null;
          strokes.pop();
          changed();
        },
      },
      say("undo"),
    ),
    make(
      "button",
      {
        type: "button",
        onclick: () => {
          picture = real = null;
          strokes.length = 0;
          changed();
        },
      },
      say("clear"),
    ),
    make("button", { type: "button", onclick: example }, say("example")),
    make("button", { type: "button", onclick: () => file.click() }, say("open")),
    file,
  );
  const content = make(
    "section",
    { "aria-label": say("draw"), class: "draw" },
    make(
      "div",
      { class: "hand" },
      paper,
      make("p", {}, say("paper-help")),
      buttons,
      make("figure", {}, small, make("figcaption", {}, say("as-mnist"))),
      verdict,
    ),
    answers,
  );
  let round = 0;
  let running: Running[] = [];
  let completing: Running[] = [];
  let cleaning: Running[] = [];

  async function open(chosen: File): Promise<void> {
    try {
      picture = fitted(await createImageBitmap(chosen));
      real = null;
      strokes.length = 0;
      changed();
    } catch {
      verdict.textContent = say("no-image", { name: chosen.name });
    }
  }
  content.ondragover = (event) => event.preventDefault();
  content.ondrop = (event) => {
    event.preventDefault();
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped) open(dropped);
  };

  function example(): void {
    picture = null;
    if (isOfDigits) {
      strokes.splice(0, strokes.length, ...EXAMPLE.map((stroke) => [...stroke]));
    } else {
      strokes.length = 0;
      real = Math.floor(Math.random() * client.labels.length);
    }
    changed();
  }

  /** The image that the models see. */
  function seen() {
    if (real !== null) return { image: client.digit(real) };
    return client.handwriting ? prepare(inkOf(paper)) : scaled(inkOf(paper));
  }

  /** Black on white: a real image, a picture, or strokes. */
  function paint(): void {
    ink(paper);
    if (real !== null) enlarge(paper, client.digit(real));
  }

  paper.onpointerdown = (event) => {
    event.preventDefault();
    paper.focus();
    paper.setPointerCapture(event.pointerId);
    picture = real = null;
    strokes.push([at(event)]);
    paint();
    paper.onpointermove = (moved) => {
      const events = moved.getCoalescedEvents?.() ?? [];
      strokes.at(-1)!.push(...(events.length ? events : [moved]).map(at));
      paint();
    };
  };
  paper.onpointerup = paper.onpointercancel = () => {
    if (!paper.onpointermove) return;
    paper.onpointermove = null;
    changed();
  };

  function at(event: PointerEvent): Point {
    const box = paper.getBoundingClientRect();
    const inside = (value: number) =>
      Math.min(FIELD - MARGIN, Math.max(MARGIN, value * (FIELD / box.width)));
    return [inside(event.clientX - box.left), inside(event.clientY - box.top)];
  }

  async function changed(): Promise<void> {
    const own = ++round;
    running.forEach((each) => each.stop());
    running = [];
    paint();
    answers.replaceChildren();
    small.getContext("2d")!.clearRect(0, 0, SIDE, SIDE);
    const found = seen();
    if ("problem" in found) {
      verdict.textContent = say(found.problem);
      return;
    }
    const { image } = found;
    show(small, greys(image));
    verdict.textContent = "…";
    try {
      const probabilities = await client.result({ do: "read", images: image });
      if (own !== round) return;
      const best = probabilities.indexOf(probabilities.reduce((a, b) => Math.max(a, b)));
      const percent = number(100 * probabilities[best], 0);
      const sure = probabilities[best] >= SURE;
      const name = client.classes[best];
      verdict.textContent = say(sure ? "reading" : "doubt", { digit: name, percent });
      const digit = asked === "" ? best : Number(asked);
      keep({ image, digit });
      answer(image, digit);
    } catch (error) {
      verdict.textContent = problem(error);
    }
  }

  function answer(image: Images, digit: number): void {
    const digits = client.classes.map((name, d) => [`${d}`, name] as const);
    const what = choice(digits, `${digit}`, (value) => {
      asked = value;
      answer(image, Number(value));
    });
    const back = make("div", { class: "cards" });
    const others = make("div", { class: "rows" });
    const numbers = make("div", { class: "rows" });
    const completions = make("div", { class: "cards" });
    const cleaned = make("div", { class: "cards" });
    const hides = Object.keys(HIDDEN).map(
      (name) => [name, say(`hide-${name}` as "hide-left")] as const,
    );
    const hide = choice(hides, hidden, (name) => {
      hidden = name;
      complete();
    });
    const amount = slider(0.1, 1, 0.1, sigma, (value) => {
      sigma = value;
      clean();
    });
    const text = make("input", {
      "aria-label": say("number"),
      value: written,
      inputmode: isOfDigits ? "numeric" : "text",
      pattern: isOfDigits ? "[0-9]{1,8}" : ".{1,8}",
      maxlength: 8,
      size: 8,
      onchange: () => {
        const isKnown = [...text.value].every((name) => client.classes.includes(name));
        if (text.checkValidity() && text.value && isKnown) {
          written = text.value;
          write();
        }
      },
    });
    running.forEach((each) => each.stop());
    running = [];
    answers.replaceChildren(
      labelled(say("shown-digit"), what),
      make("h2", {}, say("reconstructions")),
      make("p", {}, say("reconstructions-help")),
      back,
      make("h2", {}, say("conversions")),
      make("p", {}, say("conversions-help")),
      others,
      ...(isSpelled ? [make("h2", {}, say("number")), text, numbers] : []),
      make("h2", {}, say("completions")),
      make("p", {}, say("completions-help")),
      labelled(say("hide"), hide),
      completions,
      make("h2", {}, say("noise")),
      make("p", {}, say("noise-help")),
      labelled(say("amount"), amount),
      cleaned,
    );
    for (const facts of client.models) reconstruct(facts.name);
    for (const facts of client.models) {
      if (canConvert(facts)) row(others, facts.name, facts.learned, facts.name);
      else others.append(make("p", {}, say("no-transfer", { model: facts.name })));
    }
    if (isSpelled) write();
    complete();
    clean();

    function complete(): void {
      completing.forEach((each) => each.stop());
      const visible = Float32Array.from({ length: PIXELS }, (_, i) =>
        HIDDEN[hidden](i % SIDE, Math.floor(i / SIDE)) ? 0 : 1,
      );
      completing = cards(
        completions,
        image.map((pixel, i) => pixel * visible[i]),
        "what-is-left",
        (model) => ({ do: "complete", model, image, visible, digit, seed: 0 }),
      );
    }

    function clean(): void {
      cleaning.forEach((each) => each.stop());
      const added = normal(keyOf(1), PIXELS);
      const noisy = image.map((pixel, i) => pixel + sigma * added[i]);
      cleaning = cards(cleaned, noisy, "with-noise", (model) => ({
        do: "clean",
        model,
        noisy,
        sigma,
        digit,
        seed: 0,
      }));
    }

    /** An image, and beside it what each model makes of it. */
    function cards(
      place: HTMLElement,
      shown: Images,
      name: "what-is-left" | "with-noise",
      task: (model: string) => Task,
    ): Running[] {
      const before = frame(say(name));
      show(before, greys(shown));
      place.replaceChildren(make("figure", {}, before, make("figcaption", {}, say(name))));
      return client.models.map(({ name: model }) => {
        const canvas = frame(model);
        const caption = make("figcaption", {}, say("waiting", { model }));
        place.append(make("figure", {}, canvas, caption));
        const own = start(task(model), (made) => show(canvas, greys(made)), caption);
        own.done.then(
          () => (caption.textContent = model),
          () => {},
        );
        return own;
      });
    }

    function write(): void {
      numbers.replaceChildren();
      for (const facts of client.models.filter(canConvert)) {
        const targets = [...written].map((name) => client.classes.indexOf(name));
        const unknown = targets.find((digit) => !facts.learned.includes(digit));
        if (unknown === undefined) {
          row(numbers, facts.name, targets, say("written", { number: written, model: facts.name }));
        } else {
          const text = say("not-learned", { model: facts.name, digit: client.classes[unknown] });
          numbers.append(make("p", {}, text));
        }
      }
    }

    function reconstruct(model: string): void {
      const canvas = frame(`${model}`);
      const caption = make("figcaption", {}, model);
      back.append(make("figure", {}, canvas, caption));
      start(
        { do: "reconstruct", model, images: image, labels: [digit] },
        (made) => {
          show(canvas, greys(made));
          const error = made.reduce((sum, pixel, i) => sum + (pixel - image[i]) ** 2, 0);
          caption.replaceChildren(model, make("br"), say("error", { error: number(error, 1) }));
        },
        caption,
      );
    }

    /** The digits `targets` in the hand of the image, side by side. */
    function row(place: HTMLElement, model: string, targets: number[], name: string): void {
      const canvas = frame(name, targets.length);
      const caption = make("figcaption", {}, name);
      place.append(make("figure", { class: "row" }, canvas, caption));
      const images = new Float32Array(targets.length * PIXELS);
      targets.forEach((_, i) => images.set(image, i * PIXELS));
      const sources = targets.map(() => digit);
      start(
        { do: "convert", model, images, sources, targets },
        (made) => {
          targets.forEach((_, i) => show(canvas, greys(made, i), i * SIDE));
        },
        caption,
      );
    }

    function start(task: Task, shown: (images: Images) => void, caption: HTMLElement): Running {
      const own = client.run(task, (_, images) => shown(images));
      running.push(own);
      own.done.catch((error: unknown) => {
        caption.textContent = problem(error);
      });
      return own;
    }
  }

  if (strokes.length || picture || real !== null) changed();
  else paint();
  return { content, leave: () => running.forEach((each) => each.stop()) };
}

/** Draws the strokes, black on white. */
function ink(paper: HTMLCanvasElement): void {
  const context = paper.getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "white";
  context.fillRect(0, 0, FIELD, FIELD);
  if (picture) context.putImageData(picture, 0, 0);
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  for (const [first, ...rest] of strokes) {
    context.beginPath();
    context.moveTo(...first);
    for (const point of rest.length ? rest : [first]) context.lineTo(...point);
    context.stroke();
  }
}

/** The whole field as an image, for classes that are not handwriting. */
function scaled(ink: Picture): Prepared {
  const times = FIELD / SIDE;
  const image = new Float32Array(PIXELS);
  ink.values.forEach((value, i) => {
    const [row, column] = [Math.floor(i / FIELD / times), Math.floor((i % FIELD) / times)];
    image[row * SIDE + column] += value / times ** 2;
  });
  return image.some((value) => value > 0) ? { image } : { problem: "nothing" };
}

/** Shows an image over the whole field, black on white. */
function enlarge(paper: HTMLCanvasElement, image: Images): void {
  const small = make("canvas", { width: SIDE, height: SIDE });
  show(small, greys(image.map((grey) => 1 - grey)));
  const context = paper.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, FIELD, FIELD);
}

/** A picture in the middle of the field, as large as fits, as black ink on white. */
function fitted(bitmap: ImageBitmap): ImageData {
  const canvas = make("canvas", { width: FIELD, height: FIELD });
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const room = FIELD - 2 * MARGIN;
  const scale = room / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale].map((edge) =>
    Math.max(1, Math.round(edge)),
  );
  const [left, top] = [width, height].map((edge) => Math.floor((FIELD - edge) / 2));
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, FIELD, FIELD);
  context.drawImage(bitmap, left, top, width, height);
  const { data } = context.getImageData(left, top, width, height);
  const greys = Array.from(
    { length: width * height },
    (_, i) => 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2],
  );
  const rim = greys
    .filter((_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      return x < 3 || y < 3 || x >= width - 3 || y >= height - 3;
    })
    .sort((a, b) => a - b);
  const paper = rim[Math.floor(rim.length / 2)];
  const [low, high] = greys.reduce(
    ([a, b], grey) => [Math.min(a, grey), Math.max(b, grey)],
    [255, 0],
  );
  const isDark = paper - low > high - paper;
  const most = Math.max(isDark ? paper - low : high - paper, 16);
  const result = new ImageData(FIELD, FIELD);
  result.data.fill(255);
  greys.forEach((grey, i) => {
    const share = (isDark ? paper - grey : grey - paper) / most;
    const value = 255 * (1 - Math.min(1, share < 0.2 ? 0 : share));
    const place = (top + Math.floor(i / width)) * FIELD + left + (i % width);
    result.data.set([value, value, value, 255], 4 * place);
  });
  return result;
}

function inkOf(paper: HTMLCanvasElement) {
  const { width, height, data } = paper.getContext("2d")!.getImageData(0, 0, FIELD, FIELD);
  const values = new Float64Array(width * height).map((_, i) => 1 - data[4 * i] / 255);
  return { width, height, values };
}
