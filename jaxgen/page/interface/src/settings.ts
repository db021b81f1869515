// The controls of a model's sampling settings.

import { choice, labelled, make, slider } from "./dom.ts";
import type { ModelFacts, Settings } from "./protocol.ts";
import { number, say } from "./words.ts";

export const ANY = -1; // the label of any digit
const FAST_GUIDANCE = 3; // jaxgen/families/ddpm.py
const most = (sampler: string) => (sampler === "fast" ? FAST_GUIDANCE : 6);

/** The digits that a model can be asked for, as choices: all that it has learned in turn, any, or
 * one of them. */
export function digitChoices(
  facts: ModelFacts,
  classes: readonly string[],
): [value: string, text: string][] {
  const any: [string, string] = ["any", say("digit-any")];
  if (!facts.conditional) return [any];
  const each = facts.learned.map((digit): [string, string] => [`${digit}`, classes[digit]]);
  return [["all", say("digit-all")], any, ...each];
}

/** The labels of `count` images for one of these choices. */
export const labelsOf = ({ learned }: ModelFacts, digit: string, count: number): number[] =>
  Array.from({ length: count }, (_, i) =>
    digit === "all" ? learned[i % learned.length] : digit === "any" ? ANY : Number(digit),
  );

/** The number of steps that is wanted, or if a sampler does not have it one in the middle. */
export function stepsFor({ diffusion }: ModelFacts, sampler: string, wanted: number): number {
  const offered = Object.keys(diffusion!.tables[sampler]).map(Number);
  return offered.includes(wanted) ? wanted : offered[Math.floor(offered.length / 2)];
}

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
          settings.sampler = name;
          settings.steps = stepsFor(facts, name, settings.steps);
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
