// Images on canvases, in one colour: light ink on black, as MNIST has it.

import { even } from "./prepare.ts";
import type { Images } from "./protocol.ts";

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** An image as 784 greys from 0 to 255, rounded as bin/sample rounds. */
export const greys = (images: Images, index = 0): Uint8ClampedArray =>
  Uint8ClampedArray.from(images.subarray(index * PIXELS, (index + 1) * PIXELS), (pixel) =>
    even(Math.fround(255 * pixel)),
  );

/** Draws an image at a place of a grid. */
export function show(canvas: HTMLCanvasElement, grey: Uint8ClampedArray, x = 0, y = 0): void {
  const data = new ImageData(SIDE, SIDE);
  grey.forEach((value, i) => data.data.set([value, value, value, 255], 4 * i));
  canvas.getContext("2d")!.putImageData(data, x, y);
}

/** A canvas for one image, with words for those who do not see it. */
export function frame(name: string, columns = 1, rows = 1): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = SIDE * columns;
  canvas.height = SIDE * rows;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  return canvas;
}
