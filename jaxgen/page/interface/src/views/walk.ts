// The plane of models with two latents, and ways between two digits.

import type { Client, Running } from "../client.ts";
import { choice, labelled, make, slider } from "../dom.ts";
import type { View } from "../main.ts";
import { frame, greys, PIXELS, SIDE, show } from "../pictures.ts";
import type { Images } from "../protocol.ts";
import { ANY } from "../settings.ts";
import { drawings, type Labelled } from "../state.ts";
import { problem, say } from "../words.ts";

const SIZE = 420; // of a plane, in pixels
const EDGE = 0.06; // free, as a share of the plane
const TILES = 15; // digits along an edge of the map of a plane
const FRAMES = 24; // of a film
// Colours of the digits, which are also written out.
const COLOURS = [
  "#4477aa",
  "#ee6677",
  "#228833",
  "#ccbb44",
  "#66ccee",
  "#aa3377",
  "#999999",
  "#ee8866",
  "#44bb99",
  "#6655bb",
];

let model = "";

export function walk(client: Client): View {
  const planes = client.plane.map((facts) => plane(client, facts.name));
  const film = filmOf(client);
  const above = [
    make("h2", {}, say("plane")),
    make("p", {}, say("plane-help")),
    make(
      "p",
      { class: "legend" },
      ...COLOURS.map((colour, digit) => make("span", { style: `--colour: ${colour}` }, `${digit}`)),
    ),
    make("div", { class: "planes" }, ...planes.map(({ content: one }) => one)),
  ];
  const content = make(
    "section",
    { "aria-label": say("walk") },
    ...(planes.length ? above : []), // those that come along are of digits
    make("h2", {}, say("film")),
    make("p", {}, say("film-help")),
    film.content,
  );
  return {
    content,
    leave: () => [...planes, film].forEach((part) => part.leave()),
  };
}

function plane(client: Client, name: string): View {
  const facts = client.plane.find((each) => each.name === name)!;
  const points = facts.points;
  const ends = [0, 1].map((axis) => {
    const sorted = points.map((point) => point[axis]).sort((a, b) => a - b);
    const [low, high] = [0.01, 0.99].map(
      (share) => sorted[Math.floor(share * (sorted.length - 1))],
    );
    const free = EDGE * (high - low);
    return [low - free, high + free] as const;
  });
  const spot = [0, 0].map((_, axis) => (ends[axis][0] + ends[axis][1]) / 2);
  const canvas = make("canvas", {
    width: SIZE,
    height: SIZE,
    class: "plane",
    tabindex: 0,
    role: "application",
    "aria-label": say("plane-of", { model: facts.family }),
  });
  const picture = frame(say("plane-picture", { model: facts.family }));
  picture.classList.add("large");
  const told = make("output", {});
  const map = make("canvas", { width: TILES * SIDE, height: TILES * SIDE });
  let shown = false; // whether the map is shown instead of the points
  let running: Running | null = null;
  let waiting = false;

  const toPixel = (value: number, axis: number) => {
    const share = (value - ends[axis][0]) / (ends[axis][1] - ends[axis][0]);
    return (axis ? 1 - share : share) * SIZE;
  };
  const fromPixel = (pixel: number, axis: number) => {
    const share = Math.min(1, Math.max(0, pixel / SIZE));
    return ends[axis][0] + (axis ? 1 - share : share) * (ends[axis][1] - ends[axis][0]);
  };

  function paint(): void {
    const context = canvas.getContext("2d")!;
    const style = getComputedStyle(document.documentElement);
    context.fillStyle = style.getPropertyValue("--panel");
    context.fillRect(0, 0, SIZE, SIZE);
    if (shown) {
      context.imageSmoothingEnabled = false;
      context.drawImage(map, 0, 0, SIZE, SIZE);
    } else {
      context.font = "bold 12px sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      points.forEach(([x, y], i) => {
        context.fillStyle = COLOURS[client.labels[i]];
        context.fillText(`${client.labels[i]}`, toPixel(x, 0), toPixel(y, 1));
      });
    }
    context.strokeStyle = shown ? "#ff9900" : style.getPropertyValue("--ink");
    context.lineWidth = 2.5;
    context.beginPath();
    context.arc(toPixel(spot[0], 0), toPixel(spot[1], 1), 8, 0, 2 * Math.PI);
    context.stroke();
  }

  /** Decodes the spot; while it does, only the last of further spots waits. */
  async function answer(): Promise<void> {
    paint();
    told.textContent = `z = (${spot.map((value) => value.toFixed(2)).join(", ")})`;
    if (running) {
      waiting = true;
      return;
    }
    const latents = { latents: Float32Array.from(spot) };
    running = client.run({ do: "decode", model: name, latents, labels: [ANY] }, (_, images) =>
      show(picture, greys(images)),
    );
    try {
      await running.done;
    } catch (error) {
      told.textContent = problem(error);
    }
    running = null;
    if (waiting) {
      waiting = false;
      answer();
    }
  }

  function move(event: PointerEvent): void {
    const box = canvas.getBoundingClientRect();
    const scale = SIZE / box.width;
    spot[0] = fromPixel((event.clientX - box.left) * scale, 0);
    spot[1] = fromPixel((event.clientY - box.top) * scale, 1);
    answer();
  }
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    move(event);
    canvas.onpointermove = move;
  };
  canvas.onpointerup = canvas.onpointercancel = () => (canvas.onpointermove = null);
  canvas.onkeydown = (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[
      event.key
    ];
    if (!way) return;
    event.preventDefault();
    way.forEach((sign, axis) => {
      const width = ends[axis][1] - ends[axis][0];
      spot[axis] = Math.min(
        ends[axis][1],
        Math.max(ends[axis][0], spot[axis] + (sign * width) / 40),
      );
    });
    answer();
  };

  async function tiles(): Promise<void> {
    const middle = (i: number, axis: number) => fromPixel(((i + 0.5) * SIZE) / TILES, axis);
    for (let row = 0; row < TILES; row++) {
      const codes = Float32Array.from({ length: 2 * TILES }, (_, i) =>
        i % 2 ? middle(row, 1) : middle(i >> 1, 0),
      );
      const images = await client.result({
        do: "decode",
        model: name,
        latents: { latents: codes },
        labels: new Array(TILES).fill(ANY),
      });
      for (let i = 0; i < TILES; i++) show(map, greys(images, i), i * SIDE, row * SIDE);
      if (shown) paint();
    }
  }
  let asked = false;
  const swap = make(
    "button",
    {
      type: "button",
      "aria-pressed": "false",
      onclick: () => {
        shown = !shown;
        swap.setAttribute("aria-pressed", `${shown}`);
        if (!asked) tiles().catch(() => {});
        asked = true;
        paint();
      },
    },
    say("plane-map"),
  );

  answer();
  const content = make(
    "figure",
    {},
    make("figcaption", {}, say(facts.family === "vae" ? "plane-vae" : "plane-ae")),
    canvas,
    make("div", { class: "under" }, picture, make("div", {}, told, make("br"), swap)),
  );
  return {
    content,
    leave: () => {
      waiting = false;
      running?.stop();
    },
  };
}

/** A film from one digit to another, through the codes of a model. */
function filmOf(client: Client): View {
  const able = client.models.filter(({ programs }) => "between" in programs);
  model ||= able[0]?.name ?? "";
  const picture = frame(say("film"));
  picture.classList.add("film");
  const strip = frame(say("film"), 12, 2);
  const ends = [frame(say("film-start")), frame(say("film-end"))];
  const status = make("p", { role: "status" });
  const position = slider(0, FRAMES - 1, 1, 0, (value) => paint(value));
  let images: Images | null = null;
  let timer = 0;
  let running: Running | null = null;
  let round = 0;

  const random = (): Labelled => {
    const index = Math.floor(Math.random() * client.labels.length);
    return { image: client.digit(index), digit: client.labels[index] };
  };
  const picked = [random(), random()];
  drawings.forEach((drawing, i) => (picked[i] = drawing));

  async function begin(): Promise<void> {
    const own = ++round;
    running?.stop();
    picked.forEach(({ image }, i) => show(ends[i], greys(image)));
    const both = new Float32Array(2 * PIXELS);
    picked.forEach(({ image }, i) => both.set(image, i * PIXELS));
    status.textContent = "…";
    running = client.run(
      {
        do: "between",
        model,
        images: both,
        labels: picked.map(({ digit }) => digit),
        frames: FRAMES,
      },
      (_, made) => {
        if (own !== round) return;
        images = made;
        for (let i = 0; i < FRAMES; i++) {
          show(strip, greys(made, i), (i % 12) * SIDE, Math.floor(i / 12) * SIDE);
        }
        status.textContent = "";
        play();
      },
    );
    running.done.catch((error: unknown) => (status.textContent = problem(error)));
  }

  function paint(index: number): void {
    if (images) show(picture, greys(images, index));
    position.value = `${index}`;
  }

  function play(): void {
    clearInterval(timer);
    let index = 0;
    timer = window.setInterval(() => {
      paint(index);
      index += 1;
      if (index === FRAMES) clearInterval(timer);
    }, 80);
  }

  if (able.length) begin();
  const content = make(
    "div",
    {},
    make(
      "div",
      { class: "controls" },
      labelled(
        say("model"),
        choice(
          able.map(({ name }) => [name, name]),
          model,
          (value) => {
            model = value;
            begin();
          },
        ),
      ),
      make(
        "button",
        {
          type: "button",
          onclick: () => {
            picked[0] = random();
            begin();
          },
        },
        say("film-first"),
      ),
      make(
        "button",
        {
          type: "button",
          onclick: () => {
            picked[1] = random();
            begin();
          },
        },
        say("film-second"),
      ),
      make("button", { type: "button", onclick: play }, say("film-play")),
    ),
    status,
    make("div", { class: "cards" }, ends[0], picture, ends[1]),
    labelled(say("film-frame"), position),
    make("p", {}, strip),
  );
  return {
    content,
    leave: () => {
      round += 1;
      clearInterval(timer);
      running?.stop();
    },
  };
}
