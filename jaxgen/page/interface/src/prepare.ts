// A drawing to MNIST's form, as jaxgen/data/strokes.py makes it: 20 pixels along the longer edge,
// the centre of mass in the middle of 28 x 28, strokes not too thin.

export const SIDE = 28;
const LONGER = 20;
const [FAINT, THIN, USUAL, CLEAR] = [0.1, 1.2, 2.0, 16 / 255];

/** A grey picture; ink is 0 for paper to 1. */
export interface Picture {
  width: number;
  height: number;
  values: Float64Array;
}

export type Prepared = { image: Float32Array } | { problem: "nothing" | "several" };

const picture = (width: number, height: number): Picture => ({
  width,
  height,
  values: new Float64Array(width * height),
});

/** The image, float32 [784] in [0, 1], of ink that lies on even paper away from the edges. */
export function prepare(ink: Picture): Prepared {
  const clean = extract(ink);
  if (!clean) return { problem: "nothing" };
  if (countDigits(clean) > 1) return { problem: "several" };
  const missing = USUAL - strokeWidth(clean);
  return { image: centred(missing > USUAL - THIN ? thickened(clean, missing) : clean) };
}

function extract(ink: Picture): Picture | null {
  const times = Math.ceil(Math.max(ink.width, ink.height) / 224);
  const rough = reduced(ink, times);
  const high = rough.values.reduce((a, b) => Math.max(a, b), 0);
  if (high < CLEAR) return null;
  const mask = dilated(rough, 1, (value) => (value / high > FAINT ? 1 : 0));
  const result = picture(ink.width, ink.height);
  result.values.forEach((_, i) => {
    const [y, x] = [Math.floor(i / ink.width), i % ink.width];
    const value = Math.min(1, ink.values[i] / high);
    const kept = mask.values[Math.floor(y / times) * mask.width + Math.floor(x / times)];
    if (kept && value > FAINT) result.values[i] = value;
  });
  return cropped(result);
}

function reduced({ width, height, values }: Picture, times: number): Picture {
  const small = picture(Math.ceil(width / times), Math.ceil(height / times));
  values.forEach((value, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    small.values[Math.floor(y / times) * small.width + Math.floor(x / times)] += value / times ** 2;
  });
  return small;
}

/** Each value becomes the largest within `radius`, in a square for 1, else in a disk. */
function dilated(from: Picture, radius: number, of = (value: number) => value): Picture {
  const { width, height, values } = from;
  const result = picture(width, height);
  const offsets: [number, number][] = [];
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      if (radius === 1 || dx * dx + dy * dy <= radius * radius) offsets.push([dy, dx]);
    }
  }
  values.forEach((raw, i) => {
    const value = of(raw);
    if (!value) return;
    const [y, x] = [Math.floor(i / width), i % width];
    for (const [dy, dx] of offsets) {
      const [row, column] = [y + dy, x + dx];
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      const place = row * width + column;
      if (value > result.values[place]) result.values[place] = value;
    }
  });
  return result;
}

function cropped({ width, height, values }: Picture): Picture | null {
  let [top, left, bottom, right] = [height, width, -1, -1];
  values.forEach((value, i) => {
    if (!value) return;
    const [y, x] = [Math.floor(i / width), i % width];
    [top, left] = [Math.min(top, y), Math.min(left, x)];
    [bottom, right] = [Math.max(bottom, y), Math.max(right, x)];
  });
  if (bottom < 0) return null;
  const result = picture(right - left + 1, bottom - top + 1);
  result.values.forEach((_, i) => {
    const [y, x] = [Math.floor(i / result.width), i % result.width];
    result.values[i] = values[(top + y) * width + left + x];
  });
  return result;
}

/** A resize by local means, along one axis after the other (skimage's resize_local_mean). */
function resized({ width, height, values }: Picture, toWidth: number, toHeight: number): Picture {
  const across = picture(toWidth, height);
  shares(width, toWidth).forEach((parts, x) => {
    for (let y = 0; y < height; y++) {
      let sum = 0;
      for (const [from, share] of parts) sum += share * values[y * width + from];
      across.values[y * toWidth + x] = sum;
    }
  });
  const result = picture(toWidth, toHeight);
  shares(height, toHeight).forEach((parts, y) => {
    for (let x = 0; x < toWidth; x++) {
      let sum = 0;
      for (const [from, share] of parts) sum += share * across.values[from * toWidth + x];
      result.values[y * toWidth + x] = sum;
    }
  });
  return result;
}

function shares(from: number, to: number): [number, number][][] {
  const step = from / to;
  return Array.from({ length: to }, (_, i) => {
    const parts: [number, number][] = [];
    for (let j = Math.floor(i * step); j < Math.min(from, Math.ceil((i + 1) * step)); j++) {
      const overlap = Math.min((i + 1) * step, j + 1) - Math.max(i * step, j);
      if (overlap > 0) parts.push([j, overlap]);
    }
    const whole = parts.reduce((sum, [, share]) => sum + share, 0);
    return parts.map(([j, share]) => [j, share / whole]);
  });
}

/** With its longer edge scaled to `side`, at the upper left of a square. */
function squared({ width, height, values }: Picture, side: number): Picture {
  const longer = Math.max(width, height);
  const square = picture(longer, longer);
  values.forEach((value, i) => {
    square.values[Math.floor(i / width) * longer + (i % width)] = value;
  });
  return resized(square, side, side);
}

/** The width of the strokes, in pixels of a digit of 20: twice the area over the length of the
 * outline, which is estimated by Crofton's formula in two directions. */
function strokeWidth({ width, height, values }: Picture): number {
  const inside = (y: number, x: number) =>
    y >= 0 && x >= 0 && y < height && x < width && values[y * width + x] > 0.5 ? 1 : 0;
  let [area, outline] = [0, 0];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      area += inside(y, x);
      const here = inside(y, x);
      const code = here + 4 * inside(y, x - 1) + 2 * inside(y - 1, x) + 8 * inside(y - 1, x - 1);
      outline += CROFTON[code];
    }
  }
  return ((2 * area) / Math.max(outline, 1)) * (LONGER / Math.max(width, height));
}
const CROFTON = [0, 1, 0, 0, 0, 1, 0, 0, 1, 2, 0, 0, 1, 2, 0, 0].map((n) => (n * Math.PI) / 2);

function thickened(ink: Picture, more: number): Picture {
  const fine = 8;
  const steps = Math.max(1, even((more * fine) / 2));
  const large = squared(ink, LONGER * fine);
  const padded = picture(large.width + 2 * steps, large.height + 2 * steps);
  large.values.forEach((value, i) => {
    const [y, x] = [Math.floor(i / large.width), i % large.width];
    padded.values[(y + steps) * padded.width + x + steps] = value;
  });
  return cropped(dilated(padded, steps))!;
}

function centred(ink: Picture): Float32Array {
  const small = squared(ink, LONGER);
  const crop = cropped(small)!;
  const [middleY, middleX] = middle(small);
  const place = (at: number, edge: number) =>
    Math.min(Math.max(even(SIDE / 2 - at), 0), SIDE - edge);
  const [top, left] = [place(middleY, crop.height), place(middleX, crop.width)];
  const brightest = small.values.reduce((a, b) => Math.max(a, b), 0);
  const image = new Float32Array(SIDE * SIDE);
  small.values.forEach((value, i) => {
    const y = (Math.floor(i / LONGER) + top) % SIDE;
    const x = ((i % LONGER) + left) % SIDE;
    image[y * SIDE + x] = even((255 * value) / brightest) / 255;
  });
  return image;
}

function middle({ width, values }: Picture): [number, number] {
  let [sum, down, across] = [0, 0, 0];
  values.forEach((value, i) => {
    sum += value;
    down += value * Math.floor(i / width);
    across += value * (i % width);
  });
  return [down / sum, across / sum];
}

/** Rounded to the nearest whole number, halves to the even one, as NumPy rounds. */
export function even(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/** How many digits lie side by side: pieces nearly as tall as the tallest, whose middles are half
 * its height or more apart. */
function countDigits(ink: Picture): number {
  if (ink.width < 1.1 * ink.height) return 1;
  const small = resized(ink, even((ink.width * LONGER) / ink.height), LONGER);
  const limit = 0.3 * small.values.reduce((a, b) => Math.max(a, b), 0);
  const padded = picture(small.width + 4, small.height + 4);
  small.values.forEach((value, i) => {
    const [y, x] = [Math.floor(i / small.width) + 2, (i % small.width) + 2];
    if (value > limit) padded.values[y * padded.width + x] = 1;
  });
  const boxes = pieces(eroded(dilated(padded, 1)));
  const tallest = Math.max(...boxes.map((box) => box.bottom - box.top));
  const middles = boxes
    .filter((box) => box.bottom - box.top >= 0.6 * tallest)
    .map((box) => (box.left + box.right) / 2)
    .sort((a, b) => a - b);
  const gaps = middles.slice(1).map((at, i) => at - middles[i]);
  return 1 + gaps.filter((gap) => gap >= 0.5 * tallest).length;
}

function eroded(mask: Picture): Picture {
  const { width, height, values } = mask;
  const holes = { width, height, values: values.map((value) => 1 - value) };
  const grown = dilated(holes, 1);
  return { width, height, values: grown.values.map((value) => 1 - value) };
}

interface Box {
  top: number;
  left: number;
  bottom: number;
  right: number;
} // half open

/** The boxes of the connected pieces of a mask, corners included. */
function pieces({ width, height, values }: Picture): Box[] {
  const left = values.slice();
  const boxes: Box[] = [];
  for (let first = 0; first < left.length; first++) {
    if (!left[first]) continue;
    const box = { top: height, left: width, bottom: 0, right: 0 };
    const waiting = [first];
    left[first] = 0;
    for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
      const [y, x] = [Math.floor(place / width), place % width];
      [box.top, box.left] = [Math.min(box.top, y), Math.min(box.left, x)];
      [box.bottom, box.right] = [Math.max(box.bottom, y + 1), Math.max(box.right, x + 1)];
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const near = row * width + column;
          if (!left[near]) continue;
          left[near] = 0;
          waiting.push(near);
        }
      }
    }
    boxes.push(box);
  }
  return boxes;
}
