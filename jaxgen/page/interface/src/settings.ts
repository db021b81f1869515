// The controls of a model's sampling settings.

import { choice, labelled, make, slider } from "./dom.ts";
import type { ModelFacts, Settings } from "./protocol.ts";
import { number, say } from "./words.ts";

const FAST_GUIDANCE = 3; // jaxgen/families/ddpm.py
const most = (sampler: string) => (sampler === "fast" ? FAST_GUIDANCE : 6);

export const defaults = ({ guidance, diffusion }: ModelFacts): Settings => ({
  guidance: guidance ?? 1,
  sampler: diffusion?.sampler ?? "",
  steps: diffusion?.steps ?? 0,
});

/** Fields that change `settings`; `offer` is called where other fields are needed after that, and
 * `changed` after any other change. */
export function settingsFields(
  facts: ModelFacts,
  settings: Settings,
  offer: () => void,
  changed: () => void,
): HTMLElement[] {
  const fields: HTMLElement[] = [];
  if (facts.diffusion) {
    const { tables } = facts.diffusion;
    const steps = Object.keys(tables[settings.sampler]);
    const samplers = Object.keys(tables).map((name) => [name, name] as const);
    fields.push(
      labelled(
        say("sampler"),
        choice(samplers, settings.sampler, (name) => {
          const offered = Object.keys(tables[name]).map(Number);
          settings.sampler = name;
          if (!offered.includes(settings.steps)) {
            settings.steps = offered[Math.floor(offered.length / 2)];
          }
          settings.guidance = Math.min(settings.guidance, most(name));
          offer();
        }),
      ),
      labelled(
        say("steps"),
        choice(
          steps.map((n) => [n, n]),
          `${settings.steps}`,
          (value) => {
            settings.steps = Number(value);
            changed();
          },
        ),
      ),
    );
  }
  if (facts.guidance !== undefined) {
    const value = make("output", {}, number(settings.guidance, 2));
    const control = slider(0, most(settings.sampler), 0.05, settings.guidance, (weight) => {
      settings.guidance = weight;
      value.textContent = number(weight, 2);
      changed();
    });
    fields.push(labelled(say("guidance"), control, value));
  }
  return fields;
}
