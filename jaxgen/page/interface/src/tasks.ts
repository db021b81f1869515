// What the worker computes, part by part. Between two parts it looks whether the task is still
// wanted.

import { PIXELS } from "./pictures.ts";
import type { Images, Latents, ModelFacts, Row, Settings, Task } from "./protocol.ts";
import { child, foldIn, type Key, keyOf, noise, normal } from "./random.ts";
import { clean, complete, imagesOf, searched } from "./repairs.ts";
import type { Model, Values } from "./runtime.ts";

const CHUNK = 16; // images at once

export interface Context {
  model(name: string): Promise<Model>;
  part(start: number, images: Images): void;
  pause(): Promise<void>; // throws if the task is not wanted any more
}

export async function perform(task: Task, context: Context): Promise<void> {
  switch (task.do) {
    case "sample":
      return sample(task, context);
    case "read": {
      const judge = await context.model("judge");
      const [probabilities] = await judge.run("judge", { images: task.images });
      return context.part(0, probabilities);
    }
    case "trajectory":
      return trajectory(task, context);
    case "guess": {
      const model = await context.model(task.model);
      const labels = Int32Array.from(task.labels);
      const times = labels.map(() => task.time);
      const [clean] = await model.run("network", { noisy: task.noisy, times, labels });
      return context.part(0, clean);
    }
    case "encode": {
      const model = await context.model(task.model);
      const latents = await encoded(model, task.images, Int32Array.from(task.labels));
      return context.part(0, Object.values(latents)[0] as Float32Array);
    }
    case "decode": {
      const model = await context.model(task.model);
      const labels = Int32Array.from(task.labels);
      return context.part(0, (await model.run("decoder", { ...task.latents, labels }))[0]);
    }
    case "between": {
      const model = await context.model(task.model);
      return context.part(0, await between(model, task.images, task.labels, task.frames));
    }
    case "complete": {
      const { image, visible, digit, seed } = task;
      return complete(await context.model(task.model), image, visible, digit, seed, context);
    }
    case "clean": {
      const { noisy, sigma, digit, seed } = task;
      return clean(await context.model(task.model), noisy, sigma, digit, seed, context);
    }
    case "reconstruct": {
      const model = await context.model(task.model);
      const labels = Int32Array.from(task.labels);
      return context.part(0, await reconstruct(model, task.images, labels, context));
    }
    case "convert": {
      const model = await context.model(task.model);
      const { images } = task;
      const [sources, targets] = [task.sources, task.targets].map((list) => Int32Array.from(list));
      return context.part(0, await convert(model, images, sources, targets, context));
    }
  }
}

/** The images that bin/sample draws with the same seed, labels and settings. */
async function sample(task: Task & { do: "sample" }, context: Context): Promise<void> {
  const model = await context.model(task.model);
  const root = keyOf(task.seed);
  for (let start = 0; start < task.labels.length; start += CHUNK) {
    const labels = Int32Array.from(task.labels.slice(start, start + CHUNK));
    const keys = Array.from(labels, (_, i) => foldIn(root, start + i));
    const values = drawn(model, keys, labels, task.settings);
    const images = model.facts.diffusion
      ? await diffuse(model, values, labels, keys, task.settings, context)
      : (await model.run("sampler", values))[0];
    context.part(start, images);
    await context.pause();
  }
}

/** The inputs of a sampler: the noise of each key, the labels and the guidance. */
function drawn(model: Model, keys: Key[], labels: Int32Array, settings: Settings): Values {
  const values: Values = { labels };
  for (const draw of model.facts.noise) {
    values[draw.name] = joined(keys.map((key) => noise(draw, child(key, 0))));
  }
  if (model.facts.guidance !== undefined) values.guidance = filled(labels, settings.guidance);
  return values;
}

/** The noisy images and the guesses of the clean ones at each step, as part number `step`; part 0
 * is the noise, with nothing guessed. */
async function trajectory(task: Task & { do: "trajectory" }, context: Context): Promise<void> {
  const model = await context.model(task.model);
  const labels = Int32Array.from(task.labels);
  const keys = Array.from(labels, (_, i) => foldIn(keyOf(task.seed), i));
  const values = drawn(model, keys, labels, task.settings);
  const show = (step: number, noisy: Float32Array, clean: Float32Array) =>
    context.part(step, joined([toImages(noisy), toImages(clean)]));
  const noise = values.normal as Float32Array;
  show(0, noise, new Float32Array(noise.length));
  await diffuse(model, values, labels, keys, task.settings, context, show);
}

type Show = (step: number, noisy: Float32Array, clean: Float32Array) => void;

async function diffuse(
  model: Model,
  values: Values,
  labels: Int32Array,
  keys: Key[],
  settings: Settings,
  context: Context,
  show?: Show,
): Promise<Images> {
  const isFast = settings.sampler === "fast";
  const rows = model.facts.diffusion!.tables[settings.sampler][settings.steps];
  const begin = isFast ? (await model.run("start", values))[0] : (values.normal as Float32Array);
  const fresh = (time: number) =>
    joined(keys.map((key) => normal(foldIn(child(key, 1), time), PIXELS)));
  const program = isFast ? "fast" : "denoiser";
  const { clean } = await walk({
    model,
    program,
    begin,
    rows,
    labels,
    guidance: settings.guidance,
    context,
    draw: fresh,
    show,
  });
  return toImages(clean);
}

interface Walk {
  model: Model;
  program: string;
  begin: Float32Array;
  rows: Row[];
  labels: Int32Array;
  guidance: number;
  context: Context;
  more?: Values; // inputs of the program
  draw?: (time: number) => Float32Array; // fresh noise
  show?: Show;
}

/** The steps of a sampler, equation (1) of jaxgen/diffusion/samplers.py: x after the last step, and
 * the last estimate of the clean images. */
export async function walk({
  model,
  program,
  begin,
  rows,
  labels,
  guidance,
  context,
  more,
  draw,
  show,
}: Walk): Promise<{ noisy: Float32Array; clean: Float32Array }> {
  let noisy = begin;
  let clean = new Float32Array(begin.length);
  const weights = filled(labels, guidance);
  const plain = program === "denoiser" && guidance === 1;
  for (const [step, [time, keep, now, before, fresh]] of rows.entries()) {
    const values = { noisy, times: labels.map(() => time), labels, guidance: weights, ...more };
    const [guess] = await model.run(plain ? "network" : program, values);
    const z = fresh && draw ? draw(time) : null;
    const earlier = clean;
    noisy = noisy.map(
      (x, i) => keep * x + now * guess[i] + before * earlier[i] + (z ? fresh * z[i] : 0),
    );
    clean = guess as Float32Array<ArrayBuffer>;
    show?.(step + 1, noisy, clean);
    await context.pause();
  }
  return { noisy, clean };
}

async function reconstruct(
  model: Model,
  images: Images,
  labels: Int32Array,
  context: Context,
): Promise<Images> {
  const { diffusion } = model.facts;
  if (diffusion) {
    const { forth, back } = diffusion.inversion;
    return there(model, images, labels, labels, forth, back, 1, context);
  }
  if (model.facts.code) return rewritten(model, images, labels, labels, context);
  const latents = await encoded(model, images, labels);
  return (await model.run("decoder", { ...latents, labels }))[0];
}

async function encoded(model: Model, images: Images, labels: Int32Array): Promise<Latents> {
  const found = await model.run("encoder", { images, labels });
  return Object.fromEntries(
    model.facts.programs.encoder.outputs.map((name, i) => [name, found[i]]),
  );
}

/** Images on the way from the first of two images to the second. */
async function between(
  model: Model,
  images: Images,
  labels: number[],
  frames: number,
): Promise<Images> {
  const [first, last] = [images.subarray(0, PIXELS), images.subarray(PIXELS)];
  const [made] = await model.run("between", {
    starts: repeated(first, frames),
    ends: repeated(last, frames),
    sources: new Int32Array(frames).fill(labels[0]),
    targets: new Int32Array(frames).fill(labels[1]),
    t: Float32Array.from({ length: frames }, (_, j) => j / (frames - 1)),
  });
  return made;
}

async function convert(
  model: Model,
  images: Images,
  sources: Int32Array,
  targets: Int32Array,
  context: Context,
): Promise<Images> {
  const { diffusion } = model.facts;
  if (model.facts.code) return rewritten(model, images, sources, targets, context);
  if (!diffusion) return (await model.run("convert", { images, sources, targets }))[0];
  const { forth, back, guidance } = diffusion.transfer;
  return there(model, images, sources, targets, forth, back, guidance, context);
}

/** One image, several times in `images`, as the digits `targets` by a model without an encoder. */
async function rewritten(
  model: Model,
  images: Images,
  sources: Int32Array,
  targets: Int32Array,
  context: Context,
): Promise<Images> {
  const latents = await searched(model, images.subarray(0, PIXELS), sources[0], context);
  return imagesOf(
    model,
    latents.map((leaf) => repeated(leaf, targets.length)),
    targets,
  );
}

/** Diffusion to the noise of images, and back. */
async function there(
  model: Model,
  images: Images,
  sources: Int32Array,
  targets: Int32Array,
  forth: Row[],
  back: Row[],
  guidance: number,
  context: Context,
): Promise<Images> {
  const wide = images.map((pixel) => 2 * pixel - 1);
  const common = { model, program: "denoiser", context };
  const { noisy } = await walk({
    ...common,
    begin: wide,
    rows: forth,
    labels: sources,
    guidance: 1,
  });
  const { clean } = await walk({ ...common, begin: noisy, rows: back, labels: targets, guidance });
  return toImages(clean);
}

export const toImages = (wide: Float32Array): Images =>
  wide.map((x) => (Math.min(1, Math.max(-1, x)) + 1) / 2);

const filled = (like: Int32Array, value: number) => new Float32Array(like.length).fill(value);

/** Arrays of one length, one after another. */
export function joined<T extends Float32Array | Int32Array>(parts: T[]): T {
  const whole = parts[0] instanceof Int32Array ? Int32Array : Float32Array;
  const result = new whole(parts.length * parts[0].length);
  parts.forEach((part, i) => result.set(part, i * part.length));
  return result as T;
}

export const repeated = (image: Images, count: number): Images =>
  joined(new Array<Images>(count).fill(image));

export const canConvert = (facts: ModelFacts) =>
  "convert" in facts.programs || facts.diffusion !== undefined || facts.code !== undefined;
