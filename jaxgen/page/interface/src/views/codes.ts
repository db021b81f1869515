// The codes of a VQ-VAE as tiles that can be exchanged.

import type { Client } from "../client.ts";
import { make } from "../dom.ts";
import type { View } from "../main.ts";
import { frame, greys, SIDE, show } from "../pictures.ts";
import { ANY, defaults } from "../settings.ts";
import { problem, say } from "../words.ts";

let kept: Int32Array | null = null; // the codes, while other views are shown
let seed = 0;

export function codes(client: Client): View {
  const facts = client.models.find((model) => model.codes);
  if (!facts) {
    return { content: make("section", {}, make("p", {}, say("no-codes"))), leave: () => {} };
  }
  const { name } = facts;
  const { side, size } = facts.codes!;
  const cell = SIDE / side;
  const label = ANY; // this decoder does not use it
  let original = kept?.slice() ?? null;
  let place = 0;
  let round = 0;

  const picture = frame(say("codes-image"));
  picture.classList.add("large");
  const status = make("p", { role: "status" });
  const nameOf = (i: number, code: number | string) =>
    say("codes-tile", { row: Math.floor(i / side) + 1, column: (i % side) + 1, code });
  const tiles = Array.from({ length: side * side }, (_, i) =>
    make("button", {
      type: "button",
      class: "tile",
      "aria-label": nameOf(i, "…"),
      onclick: () => choose(i),
    }),
  );
  const book = Array.from({ length: size }, (_, code) =>
    make(
      "button",
      {
        type: "button",
        class: "tile",
        "aria-label": say("codes-code", { code }),
        onclick: () => exchange(code),
      },
      tile(null),
    ),
  );
  const grid = make("div", { class: "tiles", style: `--side: ${side}` }, ...tiles);
  const content = make(
    "section",
    { "aria-label": say("codes") },
    make("p", {}, say("codes-help", { count: side * side, size })),
    make(
      "p",
      { class: "buttons" },
      make("button", { type: "button", onclick: another }, say("codes-digit")),
      make("button", { type: "button", onclick: reset }, say("reset")),
    ),
    status,
    make("div", { class: "exchange" }, grid, picture),
    make("h2", {}, say("codes-book")),
    make("div", { class: "book" }, ...book),
  );

  const latents = (grids: Int32Array) => ({ latents: grids });
  const decode = (grids: Int32Array) =>
    client.result({
      do: "decode",
      model: name,
      latents: latents(grids),
      labels: new Array(grids.length / side ** 2).fill(label),
    });

  function attempt(work: () => Promise<void>): void {
    work().catch((error: unknown) => (status.textContent = problem(error)));
  }

  function another(): void {
    attempt(async () => {
      const settings = defaults(facts!);
      const labels = [facts!.learned[seed % facts!.learned.length]];
      const images = await client.result({ do: "sample", model: name, seed, labels, settings });
      seed += 1;
      const found = await client.result({ do: "encode", model: name, images, labels });
      kept = Int32Array.from(found);
      original = kept.slice();
      await paint();
    });
  }

  function reset(): void {
    if (!original) return;
    kept = original.slice();
    attempt(paint);
  }

  function choose(i: number): void {
    place = i;
    tiles.forEach((each, j) => each.setAttribute("aria-pressed", `${i === j}`));
    book.forEach((each, code) => each.setAttribute("aria-pressed", `${kept?.[place] === code}`));
  }

  function exchange(code: number): void {
    if (!kept) return;
    kept[place] = code;
    attempt(paint);
  }

  async function paint(): Promise<void> {
    const own = ++round;
    const images = await decode(kept!.slice());
    if (own !== round) return;
    const grey = greys(images);
    show(picture, grey);
    tiles.forEach((each, i) => {
      const [row, column] = [Math.floor(i / side), i % side];
      each.replaceChildren(tile(patch(grey, row, column)));
      each.setAttribute("aria-label", nameOf(i, kept![i]));
    });
    choose(place);
  }

  /** The pixels of a cell. */
  function patch(grey: Uint8ClampedArray, row: number, column: number): Uint8ClampedArray {
    return Uint8ClampedArray.from({ length: cell * cell }, (_, i) => {
      const [y, x] = [row * cell + Math.floor(i / cell), column * cell + (i % cell)];
      return grey[y * SIDE + x];
    });
  }

  function tile(grey: Uint8ClampedArray | null): HTMLCanvasElement {
    const canvas = make("canvas", { width: cell, height: cell, "aria-hidden": "true" });
    if (grey) {
      const data = new ImageData(cell, cell);
      grey.forEach((value, i) => data.data.set([value, value, value, 255], 4 * i));
      canvas.getContext("2d")!.putImageData(data, 0, 0);
    }
    return canvas;
  }

  // A code is shown by the middle of a grid of nothing else.
  attempt(async () => {
    const middle = Math.floor(side / 2);
    for (let start = 0; start < size; start += 32) {
      const count = Math.min(32, size - start);
      const all = Int32Array.from(
        { length: count * side ** 2 },
        (_, i) => start + Math.floor(i / side ** 2),
      );
      const images = await decode(all);
      for (let i = 0; i < count; i++) {
        book[start + i].replaceChildren(tile(patch(greys(images, i), middle, middle)));
      }
    }
  });
  if (kept) attempt(paint);
  else another();
  return { content, leave: () => (round += 1) };
}
