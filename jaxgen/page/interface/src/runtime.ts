// ONNX graphs in one thread of WebAssembly. The graphs of a model share its weights.

import * as ort from "onnxruntime-web/wasm";
import { split, unpack } from "./packs.ts";
import type { ModelFacts } from "./protocol.ts";

export type Values = Record<string, Float32Array | Int32Array>;

export async function start(wasm: string): Promise<void> {
  ort.env.wasm.wasmBinary = (await unpack(wasm)).buffer;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
}

export class Model {
  readonly facts: ModelFacts;
  private readonly sessions = new Map<string, Promise<ort.InferenceSession>>();
  private readonly arrays: Map<string, Uint8Array>;
  private readonly graphs: Uint8Array;

  private constructor(facts: ModelFacts, arrays: Map<string, Uint8Array>, graphs: Uint8Array) {
    this.facts = facts;
    this.arrays = arrays;
    this.graphs = graphs;
  }

  static async from(facts: ModelFacts, arrays: string, graphs: string): Promise<Model> {
    return new Model(facts, split(await unpack(arrays), facts.arrays), await unpack(graphs));
  }

  /** Runs a program of the model: arrays [n, ...] to arrays [n, ...]. */
  async run(name: string, values: Values): Promise<Float32Array[]> {
    const { inputs, outputs } = this.facts.programs[name];
    const session = await this.session(name);
    const feeds = Object.entries(inputs).map(([input, { shape, kind }]) => {
      const data = values[input];
      const size = shape.reduce((product, length) => product * length, 1);
      return [input, new ort.Tensor(kind, data, [data.length / size, ...shape])] as const;
    });
    const found = await session.run(Object.fromEntries(feeds));
    return outputs.map((output) => found[output].data as Float32Array);
  }

  private session(name: string): Promise<ort.InferenceSession> {
    let session = this.sessions.get(name);
    if (!session) {
      const { graph, weights } = this.facts.programs[name];
      session = ort.InferenceSession.create(this.graphs.slice(...graph), {
        executionProviders: ["wasm"],
        externalData: weights.map((path) => ({ path, data: this.arrays.get(path)! })),
      });
      this.sessions.set(name, session);
    }
    return session;
  }
}
