// The training of a GAN: what the generator drew, and the losses of both players.

import type { Client } from "../client.ts";
import { labelled, make, slider } from "../dom.ts";
import type { View } from "../main.ts";
import type { Training } from "../protocol.ts";
import { svg } from "../svg.ts";
import { number, say } from "../words.ts";

const [WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM] = [640, 240, 44, 28, 28];

let index = -1; // the frame, while other views are shown

export function game(client: Client): View {
  const leave = () => {};
  if (!client.training)
    return { content: make("section", {}, make("p", {}, say("no-game"))), leave };
  const { frames } = client.training;
  if (index < 0) index = frames.length - 1;
  const picture = make("img", { class: "frames" });
  const told = make("output", {});
  const plot = make("div", { class: "plot" });
  const control = slider(0, frames.length - 1, 1, index, (value) => {
    index = value;
    paint();
  });

  function paint(): void {
    const [step, source] = frames[index];
    picture.src = source;
    picture.alt = say("game-frame", { step: number(step) });
    const steps = number(frames.at(-1)![0]);
    told.textContent = say("game-step", { step: number(step), steps });
    plot.replaceChildren(chart(client.training!, step));
  }
  paint();
  const content = make(
    "section",
    { "aria-label": say("game") },
    make("p", {}, say("game-help")),
    picture,
    labelled(say("step"), control),
    told,
    make("h2", {}, say("game-losses")),
    plot,
  );
  return { content, leave };
}

function chart({ steps, losses, frames }: Training, now: number): SVGElement {
  const last = Math.max(frames.at(-1)![0], steps.at(-1)!);
  const most = Math.max(...Object.values(losses).flat());
  const x = (step: number) => LEFT + (step / last) * (WIDTH - LEFT - RIGHT);
  const y = (loss: number) => 10 + (1 - loss / most) * (HEIGHT - BOTTOM - 10);
  const plot = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": say("game-losses"),
  });
  for (const value of [0, most / 2, most]) {
    plot.append(
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "rule" }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value, 1)),
    );
  }
  for (const step of [0, last / 2, last]) {
    plot.append(svg("text", { x: x(step), y: HEIGHT - 8, "text-anchor": "middle" }, number(step)));
  }
  Object.entries(losses).forEach(([name, values], i) => {
    const points = values.map((loss, j) => `${x(steps[j]).toFixed(1)},${y(loss).toFixed(1)}`);
    const player = name.startsWith("generator") ? "loss-generator" : "loss-critic";
    plot.append(
      svg("polyline", { points: points.join(" "), class: `line line-${i}` }),
      svg(
        "text",
        {
          x: x(steps.at(-1)!) - 4,
          y: y(values.at(-1)!) - 8,
          "text-anchor": "end",
          class: `name-${i}`,
        },
        say(player),
      ),
    );
  });
  plot.append(svg("line", { x1: x(now), x2: x(now), y1: 6, y2: HEIGHT - BOTTOM, class: "now" }));
  return plot;
}
