// JAX's random numbers: keys of threefry 2x32 (Salmon et al. 2011), as jax.random has them with
// jax_threefry_partitionable, which is its default. Bits are equal; normal and Gumbel numbers
// are equal but for the last bits of a logarithm.

export type Key = readonly [number, number]; // two numbers of 32 bits

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
];

/** The two words that a key makes of two words. */
export function threefry(key: Key, high: number, low: number): [number, number] {
  const keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bda];
  let a = (high + keys[0]) | 0;
  let b = (low + keys[1]) | 0;
  for (let round = 0; round < 5; round++) {
    for (const turn of ROTATIONS[round % 2]) {
      a = (a + b) | 0;
      b = a ^ ((b << turn) | (b >>> (32 - turn)));
    }
    a = (a + keys[(round + 1) % 3]) | 0;
    b = (b + keys[(round + 2) % 3] + round + 1) | 0;
  }
  return [a >>> 0, b >>> 0];
}

/** jax.random.key(seed), of a seed from 0 to 2^32 - 1. */
export const keyOf = (seed: number): Key => [0, seed >>> 0];

export const foldIn = (key: Key, number: number): Key => threefry(key, 0, number >>> 0);

/** The key of number `index` of jax.random.split(key, n): any n has the same first keys. */
export const child = (key: Key, index: number): Key => threefry(key, 0, index);

/** jax.random.bits of 32 bits. */
export function bits(key: Key, count: number): Uint32Array {
  const result = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const [a, b] = threefry(key, 0, i);
    result[i] = a ^ b;
  }
  return result;
}

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);
const TINY = 2 ** -126; // the smallest normal float32
const AFTER_MINUS_ONE = Math.fround(-0.99999994); // the next float32

/** jax.random.uniform: float32 from `low` up to, and without, `high`. */
export function uniform(key: Key, count: number, low: number, high: number): Float32Array {
  const result = new Float32Array(count);
  const width = Math.fround(high - low);
  bits(key, count).forEach((word, i) => {
    words[0] = (word >>> 9) | 0x3f800000; // a float in [1, 2)
    const scaled = Math.fround(Math.fround(floats[0] - 1) * width);
    result[i] = Math.max(low, Math.fround(scaled + low));
  });
  return result;
}

/** The inverse of the error function in single precision (Giles 2012). */
export function erfInv(x: number): number {
  const f = Math.fround;
  let w = f(-Math.log1p(f(-f(x * x))));
  const centre = w < 5;
  w = centre ? f(w - 2.5) : f(f(Math.sqrt(w)) - 3);
  const [first, ...rest] = centre ? CENTRE : TAIL;
  let p = f(first);
  for (const c of rest) p = f(f(c) + p * w); // fused, as XLA has it
  return f(p * x);
}
const CENTRE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
  -0.00417768164, 0.246640727, 1.50140941,
];
const TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
  0.00943887047, 1.00167406, 2.83297682,
];

/** jax.random.normal. */
export const normal = (key: Key, count: number): Float32Array =>
  uniform(key, count, AFTER_MINUS_ONE, 1).map((u) => Math.fround(Math.SQRT2) * erfInv(u));

/** jax.random.gumbel. */
export const gumbel = (key: Key, count: number): Float32Array =>
  uniform(key, count, TINY, 1).map((u) => -Math.log(-Math.log(u)));

/** jax.random.randint from 0 to `span` - 1, one number. */
export function integer(key: Key, span: number): number {
  const [high] = bits(child(key, 0), 1);
  const [low] = bits(child(key, 1), 1);
  const half = 2 ** 16 % span;
  return ((((high % span) * ((half * half) % span)) % span) + (low % span)) % span;
}

/** How a family draws one array of its noise (jaxgen/page/programs.py). */
export interface Draw {
  name: string;
  kind: "normal" | "gumbel" | "digit";
  shape: number[];
  path: [number, number][];
  each: number;
  span: number; // of "digit": the number of classes
}

/** The noise of one image. */
export function noise(draw: Draw, key: Key): Float32Array | Int32Array {
  const own = draw.path.reduce((parent, [, index]) => child(parent, index), key);
  if (draw.kind === "digit") return Int32Array.of(integer(own, draw.span));
  const sample = draw.kind === "normal" ? normal : gumbel;
  const size = draw.shape.reduce((product, length) => product * length, 1);
  if (!draw.each) return sample(own, size);
  const rows = new Float32Array(draw.each * size);
  for (let i = 0; i < draw.each; i++) rows.set(sample(foldIn(own, i), size), i * size);
  return rows;
}
