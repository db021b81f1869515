// The models of the page, which a worker runs.

import { unpack } from "./packs.ts";
import { PIXELS } from "./pictures.ts";
import type {
  Facts,
  FromWorker,
  Images,
  ModelFacts,
  PlaneFacts,
  Task,
  ToWorker,
  Training,
} from "./protocol.ts";

/** The text of a part of the page, which is needed once: its room is given back. */
function take(id: string): string {
  const element = document.getElementById(id)!;
  element.remove();
  return element.textContent!;
}

interface Waiting {
  part(start: number, images: Images): void;
  done(): void;
  failed(reason: Error): void;
}

export interface Running {
  done: Promise<void>;
  stop(): void;
}

export class Client {
  readonly models: ModelFacts[];
  readonly plane: PlaneFacts[];
  readonly labels: number[]; // of real digits
  readonly classes: string[];
  readonly handwriting: boolean;
  readonly training: Training | null;
  readonly reports: { title: string; html: string }[];
  private readonly judge: ModelFacts;
  private readonly digits: Uint8Array;
  private worker: Worker | null = null;
  private readonly sent = new Set<string>();
  private readonly waiting = new Map<number, Waiting>();
  private count = 0;

  private constructor(facts: Facts, digits: Uint8Array) {
    this.models = facts.models;
    this.plane = facts.plane;
    this.labels = facts.labels;
    this.classes = facts.classes;
    this.handwriting = facts.handwriting;
    this.training = facts.training;
    this.reports = facts.reports;
    this.judge = facts.judge;
    this.digits = digits;
  }

  static async open(): Promise<Client> {
    return new Client(JSON.parse(take("facts")), await unpack(take("digits")));
  }

  /** Whether the classes are the ten digits. */
  get isOfDigits(): boolean {
    return this.classes.join("") === "0123456789";
  }

  /** A real digit, of those that `labels` names. */
  digit(index: number): Images {
    const bytes = this.digits.subarray(index * PIXELS, (index + 1) * PIXELS);
    return Float32Array.from(bytes, (grey) => grey / 255);
  }

  find(name: string): ModelFacts {
    return this.models.find((model) => model.name === name)!;
  }

  /** Starts a task; `part` gets its images as they are made. */
  run(task: Task, part: (start: number, images: Images) => void): Running {
    const id = this.count++;
    const name = task.do === "read" ? "judge" : task.model;
    if (!this.sent.has(name)) {
      this.sent.add(name);
      const facts = [...this.models, ...this.plane, this.judge].find((each) => each.name === name)!;
      const [arrays, graphs] = [take(`${name}-arrays`), take(`${name}-graphs`)];
      this.say({ kind: "model", facts, arrays, graphs });
    }
    const done = new Promise<void>((resolve, reject) => {
      this.waiting.set(id, { part, done: resolve, failed: reject });
    });
    this.say({ kind: "task", id, task });
    return { done, stop: () => this.say({ kind: "stop", id }) };
  }

  /** The images of a task, all at once. */
  async result(task: Task): Promise<Images> {
    let images: Images = new Float32Array();
    await this.run(task, (_, all) => (images = all)).done;
    return images;
  }

  private say(message: ToWorker): void {
    this.worker ??= this.start();
    this.worker.postMessage(message);
  }

  private start(): Worker {
    const source = new Blob([take("worker")], { type: "text/javascript" });
    const worker = new Worker(URL.createObjectURL(source));
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      const waiting = this.waiting.get(data.id)!;
      if (data.kind === "part") return waiting.part(data.start, data.images);
      this.waiting.delete(data.id);
      return data.kind === "done" ? waiting.done() : waiting.failed(new Error(data.reason));
    };
    worker.postMessage({ kind: "runtime", wasm: take("wasm") } satisfies ToWorker);
    return worker;
  }
}
