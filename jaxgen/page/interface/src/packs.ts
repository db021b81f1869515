// What the page carries: bytes in base64 and gzip, as jaxgen/page/packs.py writes them.

export interface ArrayFact {
  name: string;
  shape: number[];
  kind: "float16" | "float32" | "int32";
}

export const ALTERED = "altered"; // the message of the error for a text that has changed

/** The bytes of a text. Throws if the text has changed: gzip has a checksum. */
export async function unpack(text: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const coded = atob(text);
    const bytes = new Uint8Array(coded.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = coded.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw error instanceof RangeError ? error : new Error(ALTERED); // a range: too little memory
  }
}

/** The arrays of a pack by name, each as bytes of float32 or int32. */
export function split(bytes: Uint8Array, facts: ArrayFact[]): Map<string, Uint8Array> {
  const arrays = new Map<string, Uint8Array>();
  let start = 0;
  for (const { name, shape, kind } of facts) {
    const count = shape.reduce((product, length) => product * length, 1);
    const size = count * (kind === "float16" ? 2 : 4);
    const part = bytes.slice(start, start + size);
    arrays.set(name, kind === "float16" ? widen(part, count) : part);
    start += size;
  }
  if (start !== bytes.length) throw new Error(ALTERED);
  return arrays;
}

/** float16, all low bytes before all high bytes, to float32. */
function widen(planes: Uint8Array, count: number): Uint8Array {
  const wide = new Float32Array(count);
  for (let i = 0; i < count; i++) wide[i] = TABLE[planes[i] | (planes[count + i] << 8)];
  return new Uint8Array(wide.buffer);
}

const TABLE = Float32Array.from({ length: 65536 }, (_, half) => {
  const sign = half >> 15 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
});
