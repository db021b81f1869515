// Files that other programs read: NPZ of NumPy, and MNIST's IDX.

import { zipSync } from "fflate";

const encoder = new TextEncoder();

export function save(name: string, content: BlobPart[], type = "application/octet-stream"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(content, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The images uint8 [n, 28, 28] and the labels int32 [n], as bin/sample --out digits.npz. */
export function npz(images: Uint8Array, labels: number[]): Uint8Array<ArrayBuffer> {
  const count = labels.length;
  return zipSync({
    "images.npy": npy("|u1", `(${count}, 28, 28)`, images),
    "labels.npy": npy("<i4", `(${count},)`, new Uint8Array(Int32Array.from(labels).buffer)),
  });
}

function npy(kind: string, shape: string, content: Uint8Array): Uint8Array {
  const header = `{'descr': '${kind}', 'fortran_order': False, 'shape': ${shape}, }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const start = [0x93, ...encoder.encode("NUMPY"), 1, 0, padded.length & 255, padded.length >> 8];
  return joined([Uint8Array.from(start), encoder.encode(padded), content]);
}

/** The file of images that MNIST has, not compressed. */
export const idxImages = (images: Uint8Array, count: number): Uint8Array<ArrayBuffer> =>
  joined([words([0x803, count, 28, 28]), images]);

export const idxLabels = (labels: number[]): Uint8Array<ArrayBuffer> =>
  joined([words([0x801, labels.length]), Uint8Array.from(labels)]);

/** Whole numbers of four bytes, the largest first. */
const words = (numbers: number[]) =>
  Uint8Array.from(numbers.flatMap((n) => [n >>> 24, n >>> 16, n >>> 8, n].map((b) => b & 255)));

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
