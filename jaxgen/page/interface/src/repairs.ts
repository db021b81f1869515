// Completing a digit and taking noise away, as jaxgen/apps/complete.py and correct.py do: the same
// keys, programs and steps. Each takes one image.

import { PIXELS } from "./pictures.ts";
import type { Images, Search } from "./protocol.ts";
import { child, foldIn, gumbel, type Key, keyOf, noise, normal, uniform } from "./random.ts";
import type { Model, Values } from "./runtime.ts";
import { type Context, joined, repeated, toImages, walk } from "./tasks.ts";

const CHUNK = 16; // candidates at once
const SHOWN = 15; // steps of a descent between two pictures of it
const ROUNDS = 2; // jaxgen/apps/fill.py

export async function complete(
  model: Model,
  image: Images,
  visible: Images,
  digit: number,
  seed: number,
  context: Context,
): Promise<void> {
  const labels = Int32Array.of(digit);
  const key = child(foldIn(keyOf(seed), 0), 1);
  const whole = (made: Images) =>
    context.part(
      0,
      made.map((pixel, i) => (visible[i] ? image[i] : pixel)),
    );
  const { diffusion, search } = model.facts;
  if (search) {
    const observed = image.map((pixel, i) => pixel * visible[i]);
    await explain(model, search, observed, visible, search.rough, labels, key, context, whole);
    return;
  }
  if (diffusion) {
    const steps = child(key, 1);
    const { clean } = await walk({
      model,
      program: "pull",
      begin: normal(child(key, 0), PIXELS),
      rows: diffusion.complete,
      labels,
      guidance: model.facts.guidance!,
      more: { images: image, visible },
      context,
      draw: (time) => normal(foldIn(steps, time), PIXELS),
      show: (_, __, guess) => whole(toImages(guess)),
    });
    return whole(toImages(clean));
  }
  let filled: Images = image.map((pixel, i) => pixel * visible[i]);
  for (let round = 0; round < ROUNDS; round++) {
    const drawn = grids(model, foldIn(key, round));
    [filled] = await model.run("fill", { images: image, visible, filled, labels, ...drawn });
    whole(filled);
    await context.pause();
  }
}

/** An image without Gaussian noise of the standard deviation `sigma`; the noise is not clipped. */
export async function clean(
  model: Model,
  noisy: Images,
  sigma: number,
  digit: number,
  seed: number,
  context: Context,
): Promise<void> {
  const labels = Int32Array.of(digit);
  const key = foldIn(keyOf(seed), 0);
  const show = (made: Images) => context.part(0, made);
  const { diffusion, search } = model.facts;
  if (search) {
    const all = new Float32Array(PIXELS).fill(1);
    await explain(model, search, noisy, all, sigma, labels, key, context, show);
    return;
  }
  if (!diffusion) {
    const drawn = grids(model, key);
    return show((await model.run("mend", { observed: noisy, labels, ...drawn }))[0]);
  }
  const { alpha, sigma: levels } = diffusion;
  const far = (time: number) => Math.abs(levels[time] / alpha[time] - 2 * sigma);
  const time = alpha.reduce((best, _, t) => (far(t) < far(best) ? t : best), 1);
  const scaled = noisy.map((pixel) => alpha[time] * (2 * pixel - 1));
  const [guess] = await model.run("network", { noisy: scaled, times: Int32Array.of(time), labels });
  show(toImages(guess));
}

/** The noise of jaxgen/apps/fill.py. */
function grids(model: Model, key: Key): Values {
  const { gumbel: rows, gumbel_end: ends } = model.facts.programs.fill.inputs;
  const [positions, ...inner] = rows.shape;
  const size = inner.reduce((product, length) => product * length, 1);
  const gumbels = new Float32Array(positions * size);
  const uniforms = new Float32Array(positions);
  for (let position = 0; position < positions; position++) {
    const own = foldIn(child(key, 0), position);
    gumbels.set(gumbel(child(own, 0), size), position * size);
    uniforms.set(uniform(child(own, 1), 1, 0, 1), position);
  }
  return { gumbel: gumbels, uniform: uniforms, gumbel_end: gumbel(child(key, 1), ends.shape[0]) };
}

/** The latents of an image of the digit `label`, for a model without an encoder. */
export function searched(
  model: Model,
  image: Images,
  label: number,
  context: Context,
): Promise<Float32Array[]> {
  const search = model.facts.code!;
  const all = new Float32Array(PIXELS).fill(1);
  const labels = Int32Array.of(label);
  return explain(model, search, image, all, search.rough, labels, keyOf(0), context, () => {});
}

/** The images of latents, where no program is a decoder. */
export async function imagesOf(
  model: Model,
  latents: Float32Array[],
  labels: Int32Array,
): Promise<Images> {
  const blank = new Float32Array(labels.length * PIXELS);
  const [, images] = await model.run("explain", {
    ...byName(model, latents),
    labels,
    observed: blank,
    visible: blank,
    sigma: new Float32Array(labels.length).fill(1),
  });
  return images;
}

const byName = (model: Model, latents: Float32Array[]): Values =>
  Object.fromEntries(model.facts.programs.prior.outputs.map((name, i) => [name, latents[i]]));

/** The latents that best explain the pixels, by descent from the best of many (apps/search.py). */
async function explain(
  model: Model,
  search: Search,
  observed: Images,
  visible: Images,
  sigma: number,
  labels: Int32Array,
  key: Key,
  context: Context,
  show: (image: Images) => void,
): Promise<Float32Array[]> {
  const look = async (latents: Float32Array[], count: number) => {
    const [energies, images, ...slopes] = await model.run("explain", {
      ...byName(model, latents),
      labels: new Int32Array(count).fill(labels[0]),
      observed: repeated(observed, count),
      visible: repeated(visible, count),
      sigma: new Float32Array(count).fill(sigma),
    });
    return { energies, images, slopes };
  };

  const candidates: { energy: number; latents: Float32Array[] }[] = [];
  const prior = child(key, 0);
  for (let start = 0; start < search.candidates; start += CHUNK) {
    const count = Math.min(CHUNK, search.candidates - start);
    const keys = Array.from({ length: count }, (_, i) => foldIn(prior, start + i));
    const values: Values = { labels: new Int32Array(count).fill(labels[0]) };
    for (const draw of model.facts.noise) {
      values[draw.name] = joined(keys.map((each) => noise(draw, each)));
    }
    const latents = await model.run("prior", values);
    const { energies } = await look(latents, count);
    for (let i = 0; i < count; i++) {
      const own = latents.map((leaf) => row(leaf, i, count));
      candidates.push({ energy: energies[i], latents: own });
    }
    await context.pause();
  }
  candidates.sort((a, b) => a.energy - b.energy);
  const starts = candidates.slice(0, search.starts).map(({ latents }) => latents);
  if ("encoder" in model.facts.programs) {
    starts.push(await model.run("encoder", { images: observed, labels }));
  }

  const count = starts.length;
  const latents = starts[0].map((_, leaf) => joined(starts.map((start) => start[leaf])));
  const first = latents.map((leaf) => new Float32Array(leaf.length));
  const second = latents.map((leaf) => new Float32Array(leaf.length));
  const least = (energies: Float32Array) =>
    energies.indexOf(energies.reduce((a, b) => Math.min(a, b)));
  for (let step = 0; step < search.steps; step++) {
    const seen = await look(latents, count);
    if (step % SHOWN === 0) show(row(seen.images, least(seen.energies), count));
    const rate = search.rate * 0.5 * (1 + Math.cos((Math.PI * step) / search.steps));
    latents.forEach((leaf, l) => {
      for (let i = 0; i < leaf.length; i++) {
        const slope = seen.slopes[l][i];
        first[l][i] = 0.9 * first[l][i] + 0.1 * slope;
        second[l][i] = search.decay * second[l][i] + (1 - search.decay) * slope * slope;
        const mean = first[l][i] / (1 - 0.9 ** (step + 1));
        const square = second[l][i] / (1 - search.decay ** (step + 1));
        leaf[i] -= (rate * mean) / (Math.sqrt(square) + 1e-8);
      }
    });
    await context.pause();
  }
  const { energies, images } = await look(latents, count);
  show(row(images, least(energies), count));
  return latents.map((leaf) => row(leaf, least(energies), count));
}

const row = (leaf: Float32Array, index: number, count: number): Float32Array =>
  leaf.slice((index * leaf.length) / count, ((index + 1) * leaf.length) / count);
