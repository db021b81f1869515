// Diffusion step by step, backwards and forwards.

import type { Client, Running } from "../client.ts";
import { choice, labelled, make, slider } from "../dom.ts";
import type { View } from "../main.ts";
import { frame, greys, PIXELS, SIDE, show } from "../pictures.ts";
import type { Images, Settings } from "../protocol.ts";
import { keyOf, normal } from "../random.ts";
import { digitChoices, labelsOf, settingsFields, stepsFor } from "../settings.ts";
import { svg } from "../svg.ts";
import { number, problem, say } from "../words.ts";

const COUNT = 8; // digits side by side

const chosen = { digit: "all", seed: 0 };
let settings: Settings | null = null;

export function diffusion(client: Client): View {
  const facts = client.models.find((model) => model.diffusion);
  if (!facts) {
    return { content: make("section", {}, make("p", {}, say("no-diffusion"))), leave: () => {} };
  }
  const process = facts.diffusion!;
  settings ??= { guidance: 2, sampler: "ddim", steps: stepsFor(facts, "ddim", 20) };
  const own = settings;
  let running: Running | null = null;
  let frames: Images[] = [];
  let step = 0;
  let first: Images | null = null; // the digit of the lower half

  const controls = make("div", { class: "controls" });
  const above = frame(say("noisy-row", { step: 0 }), COUNT);
  const below = frame(say("guess-row", { step: 0 }), COUNT);
  const status = make("output", {});
  const position = slider(0, 1, 1, 0, (value) => {
    step = value;
    paint();
  });
  const plot = make("div", { class: "plot" });

  function fill(): void {
    const seed = make("input", {
      type: "number",
      min: 0,
      max: 2 ** 32 - 1,
      value: chosen.seed,
      onchange: () => {
        if (seed.checkValidity()) {
          chosen.seed = Number(seed.value);
          begin();
        }
      },
    });
    controls.replaceChildren(
      labelled(
        say("digit"),
        choice(digitChoices(facts!, client.classes), chosen.digit, (value) => {
          chosen.digit = value;
          begin();
        }),
      ),
      labelled(say("seed"), seed),
      ...settingsFields(
        facts!,
        own,
        () => {
          fill();
          begin();
        },
        begin,
      ),
    );
  }

  function begin(): void {
    running?.stop();
    const rows = process.tables[own.sampler][own.steps];
    const total = rows.length;
    frames = [];
    first = null;
    position.max = `${total}`;
    plot.replaceChildren(
      schedule(
        process.alpha,
        rows.map(([time]) => time),
      ),
    );
    const mine = client.run(
      {
        do: "trajectory",
        model: facts!.name,
        seed: chosen.seed,
        labels: labelsOf(facts!, chosen.digit, COUNT),
        settings: { ...own },
      },
      (index, images) => {
        if (running !== mine) return;
        frames[index] = images;
        step = index;
        position.value = `${index}`;
        paint();
        if (index === total) {
          first = images.slice(COUNT * PIXELS, (COUNT + 1) * PIXELS);
          mix();
        }
      },
    );
    running = mine;
    mine.done.catch((error: unknown) => (status.textContent = problem(error)));
  }

  function paint(): void {
    const images = frames[step];
    if (!images) return;
    for (let i = 0; i < COUNT; i++) {
      show(above, greys(images, i), i * SIDE);
      show(below, greys(images, COUNT + i), i * SIDE);
    }
    above.setAttribute("aria-label", say("noisy-row", { step }));
    below.setAttribute("aria-label", say("guess-row", { step }));
    const rows = process.tables[own.sampler][own.steps];
    const time = rows[step]?.[0] ?? 0;
    status.textContent = say("step-of", { step, steps: rows.length, time });
  }

  // The way forwards: one digit, mixed with noise.
  const last = process.alpha.length - 1;
  const noise = normal(keyOf(1), PIXELS);
  let time = Math.round(last / 3);
  const pictures = [
    frame(say("clean-image")),
    frame(say("noisy-image")),
    frame(say("guessed-image")),
  ];
  const told = make("output", {});
  const mixing = slider(1, last, 1, time, (value) => {
    time = value;
    mix();
  });
  let guessing: Running | null = null;

  function mix(): void {
    if (!first) return;
    const [alpha, sigma] = [process.alpha[time], process.sigma[time]];
    told.textContent = say("time-is", { time, alpha: number(alpha, 3), sigma: number(sigma, 3) });
    const noisy = first.map((pixel, i) => alpha * (2 * pixel - 1) + sigma * noise[i]);
    const wide = (x: Float32Array) => x.map((v) => Math.min(1, Math.max(0, (v + 1) / 2)));
    show(pictures[0], greys(first));
    show(pictures[1], greys(wide(noisy)));
    guessing?.stop();
    const mine = client.run(
      { do: "guess", model: facts!.name, noisy, time, labels: labelsOf(facts!, chosen.digit, 1) },
      (_, clean) => {
        if (guessing === mine) show(pictures[2], greys(wide(clean)));
      },
    );
    guessing = mine;
    mine.done.catch((error: unknown) => (told.textContent = problem(error)));
  }

  const captions = ["clean-image", "noisy-image", "guessed-image"] as const;
  const content = make(
    "section",
    { "aria-label": say("diffusion") },
    make("h2", {}, say("backwards")),
    make("p", {}, say("backwards-help")),
    controls,
    make("div", { class: "pair" }, above, below),
    labelled(say("step"), position),
    status,
    plot,
    make("h2", {}, say("forwards")),
    make("p", {}, say("forwards-help")),
    make(
      "div",
      { class: "cards" },
      ...pictures.map((picture, i) =>
        make("figure", {}, picture, make("figcaption", {}, say(captions[i]))),
      ),
    ),
    labelled(say("time"), mixing),
    told,
  );
  fill();
  begin();
  return {
    content,
    leave: () => {
      running?.stop();
      guessing?.stop();
    },
  };
}

/** The share of the digit by time, with the times of the steps. */
function schedule(alpha: number[], times: number[]): SVGElement {
  const [width, height] = [320, 90];
  const last = alpha.length - 1;
  const x = (time: number) => 5 + (time / last) * (width - 10);
  const y = (time: number) => 5 + (1 - alpha[time] ** 2) * (height - 10);
  const plot = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": say("schedule"),
  });
  const curve = alpha.map((_, time) => `${x(time).toFixed(1)},${y(time).toFixed(1)}`).join(" ");
  plot.append(svg("polyline", { points: curve, class: "curve" }));
  for (const time of times) plot.append(svg("circle", { cx: x(time), cy: y(time), r: 3.5 }));
  return plot;
}
