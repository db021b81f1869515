// What one view leaves for another.

import type { Images } from "./protocol.ts";

export interface Labelled {
  image: Images;
  digit: number;
}

/** The last two digits drawn by hand, the newest last. */
export const drawings: Labelled[] = [];

export function keep(drawing: Labelled): void {
  drawings.push(drawing);
  if (drawings.length > 2) drawings.shift();
}
