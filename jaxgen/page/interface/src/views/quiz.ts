// Real or generated? Twenty digits, half of them by people, the others by the models.

import type { Client, Running } from "../client.ts";
import { make } from "../dom.ts";
import type { View } from "../main.ts";
import { frame, greys, PIXELS, show } from "../pictures.ts";
import type { Images } from "../protocol.ts";
import { ANY, defaults } from "../settings.ts";
import { number, problem, say } from "../words.ts";

const REAL = 10;
const SURE = 0.98; // of the judge's reading; about what it has for 95 % of real digits

interface Question {
  image: Images;
  source: string; // a model, or "" for people
}

export function quiz(client: Client): View {
  const content = make("section", { "aria-label": say("quiz") });
  let running: Running | null = null;
  let questions: Question[] = [];
  let answers: boolean[] = []; // whether each was taken for real
  let left = false;

  function begin(): void {
    const button = make(
      "button",
      { type: "button", class: "main", onclick: prepare },
      say("quiz-start"),
    );
    content.replaceChildren(make("p", {}, say("quiz-help")), button);
  }

  async function prepare(): Promise<void> {
    content.replaceChildren(make("p", { role: "status" }, say("quiz-preparing")));
    try {
      questions = await drawQuestions();
      answers = [];
      if (!left) ask();
    } catch (error) {
      content.replaceChildren(make("p", { role: "alert" }, problem(error)));
    }
  }

  async function drawQuestions(): Promise<Question[]> {
    const found: Question[] = pick(client.labels.length, REAL).map((index) => ({
      image: client.digit(index),
      source: "",
    }));
    const shares = client.models.map((_, i) => Math.floor((REAL + i) / client.models.length));
    for (const [i, facts] of shuffled([...client.models]).entries()) {
      if (!shares[i]) continue;
      const digits = shuffled([...facts.learned]);
      const labels = Array.from({ length: shares[i] }, (_, j) =>
        facts.conditional ? digits[j % digits.length] : ANY,
      );
      const seed = Math.floor(Math.random() * 2 ** 32);
      let images: Images = new Float32Array();
      running = client.run(
        { do: "sample", model: facts.name, seed, labels, settings: defaults(facts) },
        (_, made) => (images = made),
      );
      await running.done;
      labels.forEach((_, j) =>
        found.push({
          image: images.slice(j * PIXELS, (j + 1) * PIXELS),
          source: facts.name,
        }),
      );
    }
    return shuffled(found);
  }

  function ask(): void {
    const place = answers.length;
    const picture = frame(say("quiz-picture"));
    picture.classList.add("large");
    show(picture, greys(questions[place].image));
    const button = (name: "quiz-real" | "quiz-generated", real: boolean) =>
      make("button", { type: "button", onclick: () => answer(real) }, say(name));
    content.replaceChildren(
      make("p", {}, say("quiz-help")),
      picture,
      make(
        "p",
        { role: "status" },
        say("quiz-place", { place: place + 1, count: questions.length }),
      ),
      make("p", { class: "buttons" }, button("quiz-real", true), button("quiz-generated", false)),
    );
  }

  function answer(real: boolean): void {
    if (answers.length >= questions.length) return;
    answers.push(real);
    if (answers.length < questions.length) ask();
    else
      tell().catch((error: unknown) =>
        content.append(make("p", { role: "alert" }, problem(error))),
      );
  }

  async function tell(): Promise<void> {
    const isReal = questions.map(({ source }) => source === "");
    const right = answers.filter((real, i) => real === isReal[i]).length;
    const images = new Float32Array(questions.length * PIXELS);
    questions.forEach(({ image }, i) => images.set(image, i * PIXELS));
    const probabilities = await client.result({ do: "read", images });
    const kinds = client.classes.length;
    const best = questions.map((_, i) =>
      Math.max(...probabilities.subarray(kinds * i, kinds * (i + 1))),
    );
    const judged = best.filter((sure, i) => sure >= SURE === isReal[i]).length;
    const sources = [...new Set(questions.map(({ source }) => source))].sort();
    const rows = sources.map((source) => {
      const mine = questions.flatMap((question, i) =>
        question.source === source ? [answers[i]] : [],
      );
      const taken = `${mine.filter(Boolean).length} / ${mine.length}`;
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, source || say("quiz-people")),
        make("td", {}, taken),
      );
    });
    content.replaceChildren(
      make(
        "p",
        { role: "status", class: "score" },
        say("quiz-score", { right, count: questions.length }),
      ),
      make("p", {}, say("quiz-judge", { percent: number(100 * SURE), right: judged })),
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th", { scope: "col" }, say("quiz-source")),
            make("th", { scope: "col" }, say("quiz-taken")),
          ),
        ),
        make("tbody", {}, ...rows),
      ),
      make("button", { type: "button", onclick: prepare }, say("quiz-again")),
    );
  }

  function pressed(event: KeyboardEvent): void {
    if (!questions.length || answers.length >= questions.length || event.ctrlKey || event.metaKey)
      return;
    if (event.key === "r" || event.key === "R") answer(true);
    if (event.key === "g" || event.key === "G") answer(false);
  }
  addEventListener("keydown", pressed);
  begin();
  return {
    content,
    leave: () => {
      left = true;
      running?.stop();
      removeEventListener("keydown", pressed);
    },
  };
}

/** `count` different numbers below `limit`. */
const pick = (limit: number, count: number): number[] =>
  shuffled([...Array(limit).keys()]).slice(0, count);

function shuffled<T>(list: T[]): T[] {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [list[last], list[other]] = [list[other], list[last]];
  }
  return list;
}
