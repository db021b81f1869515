// The worker: one task after another, so that the page never waits.

import type { FromWorker, ToWorker } from "./protocol.ts";
import { Model, start } from "./runtime.ts";
import { perform } from "./tasks.ts";

const say = (message: FromWorker) => postMessage(message);

let ready: Promise<void> = Promise.resolve();
const models = new Map<string, Promise<Model>>();
const unwanted = new Set<number>();
let line: Promise<void> = Promise.resolve();

class Unwanted extends Error {}

/** Lets messages in; throws if one of them has stopped the task. */
async function pause(id: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  if (unwanted.has(id)) throw new Unwanted();
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case "runtime":
      ready = start(data.wasm);
      ready.catch(() => {}); // the first task says so
      break;
    case "model":
      models.set(data.facts.name, Model.from(data.facts, data.arrays, data.graphs));
      models.get(data.facts.name)!.catch(() => {});
      break;
    case "stop":
      unwanted.add(data.id);
      break;
    case "task": {
      const { id, task } = data;
      line = line.then(async () => {
        try {
          await pause(id);
          await ready;
          await perform(task, {
            model: (name) => models.get(name)!,
            part: (start, images) => say({ kind: "part", id, start, images }),
            pause: () => pause(id),
          });
          say({ kind: "done", id });
        } catch (error) {
          const reason = error instanceof Error ? error.message : `${error}`;
          say(error instanceof Unwanted ? { kind: "done", id } : { kind: "failed", id, reason });
        }
        unwanted.delete(id);
      });
    }
  }
};
