// What the page and its worker say to each other.

import type { ArrayFact } from "./packs.ts";
import type { Draw } from "./random.ts";

export type Row = [time: number, keep: number, clean: number, before: number, fresh: number];

export interface Program {
  graph: [start: number, end: number]; // in the bytes of the graphs
  inputs: Record<string, { shape: number[]; kind: "float32" | "int32" }>;
  outputs: string[];
  weights: string[];
}

/** The settings of a search for a latent (jaxgen/apps/search.py). */
export interface Search {
  candidates: number;
  starts: number;
  steps: number;
  rate: number;
  decay: number;
  rough: number; // the standard deviation of pixels
}

/** The facts of a model (jaxgen/page). */
export interface ModelFacts {
  name: string;
  steps: number;
  command: string; // the arguments that name it, for a command line
  learned: number[]; // the digits that it has seen
  conditional: boolean; // whether one can be asked for
  programs: Record<string, Program>;
  arrays: ArrayFact[];
  noise: Draw[];
  guidance?: number;
  codes?: { side: number; size: number };
  search?: Search;
  code?: Search; // in place of an encoder
  diffusion?: {
    sampler: string;
    steps: number;
    tables: Record<string, Record<string, Row[]>>;
    inversion: { forth: Row[]; back: Row[] };
    transfer: { forth: Row[]; back: Row[]; guidance: number };
    complete: Row[];
    alpha: number[];
    sigma: number[];
  };
}

/** A model with two latents, and the codes of real digits. */
export interface PlaneFacts extends ModelFacts {
  family: string;
  points: [number, number][];
}

/** The training of a GAN: pictures by step, and means of the losses. */
export interface Training {
  frames: [step: number, picture: string][];
  steps: number[];
  losses: Record<string, number[]>;
}

/** What the page knows before any model is unpacked. */
export interface Facts {
  models: ModelFacts[];
  judge: ModelFacts;
  plane: PlaneFacts[];
  labels: number[];
  classes: string[]; // their names; 0 to 9 for digits
  handwriting: boolean; // whether images are in MNIST's form
  training: Training | null;
  reports: { title: string; html: string }[];
}

export interface Settings {
  guidance: number;
  sampler: string;
  steps: number;
}

/** Images float32 [n, 784] in [0, 1]. */
export type Images = Float32Array;

/** Latents by name. */
export type Latents = Record<string, Float32Array | Int32Array>;

export type Task =
  | { do: "sample"; model: string; seed: number; labels: number[]; settings: Settings }
  | { do: "read"; images: Images }
  | { do: "trajectory"; model: string; seed: number; labels: number[]; settings: Settings }
  | { do: "guess"; model: string; noisy: Float32Array; time: number; labels: number[] }
  | { do: "encode"; model: string; images: Images; labels: number[] }
  | { do: "decode"; model: string; latents: Latents; labels: number[] }
  | { do: "between"; model: string; images: Images; labels: number[]; frames: number }
  | { do: "complete"; model: string; image: Images; visible: Images; digit: number; seed: number }
  | { do: "clean"; model: string; noisy: Images; sigma: number; digit: number; seed: number }
  | { do: "reconstruct"; model: string; images: Images; labels: number[] }
  | { do: "convert"; model: string; images: Images; sources: number[]; targets: number[] };

export type ToWorker =
  | { kind: "runtime"; wasm: string }
  | { kind: "model"; facts: ModelFacts; arrays: string; graphs: string }
  | { kind: "task"; id: number; task: Task }
  | { kind: "stop"; id: number };

export type FromWorker =
  | { kind: "part"; id: number; start: number; images: Images }
  | { kind: "done"; id: number }
  | { kind: "failed"; id: number; reason: string };
