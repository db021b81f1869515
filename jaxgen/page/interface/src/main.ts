// The page: a heading, the views, and the choice of one of them.

import { Client } from "./client.ts";
import { choice, labelled, make } from "./dom.ts";
import { codes } from "./views/codes.ts";
import { diffusion } from "./views/diffusion.ts";
import { draw } from "./views/draw.ts";
import { game } from "./views/game.ts";
import { generate } from "./views/generate.ts";
import { numbers } from "./views/numbers.ts";
import { quiz } from "./views/quiz.ts";
import { walk } from "./views/walk.ts";
import { choose, type Language, language, say, speakOfImages } from "./words.ts";

/** What a view gives the page: its elements, and what to do when it is left. */
export interface View {
  content: HTMLElement;
  leave(): void;
}

const VIEWS = { draw, generate, walk, diffusion, game, codes, quiz, numbers } as const;
type ViewName = keyof typeof VIEWS;

// A module with a function of vectors: valid where there is SIMD.
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
];
const canCompute = () =>
  typeof WebAssembly === "object" && WebAssembly.validate(Uint8Array.from(SIMD));

let client: Client | null = null;
let view: View | null = null;

const wanted = (): ViewName => {
  const name = location.hash.slice(1);
  return name in VIEWS ? (name as ViewName) : "draw";
};

function paint(): void {
  document.documentElement.lang = language;
  document.title = `jaxgen: ${say("title")}`;
  view?.leave();
  const links = (Object.keys(VIEWS) as ViewName[]).map((name) =>
    make("a", { href: `#${name}`, "aria-current": name === wanted() && "page" }, say(name)),
  );
  const languages = [
    ["en", "English"],
    ["pl", "Polski"],
  ] as const;
  const chosen = choice(languages, language, (value) => {
    choose(value as Language);
    paint();
  });
  const header = make(
    "header",
    {},
    make("div", {}, make("h1", {}, say("title")), labelled(say("language"), chosen)),
    make("nav", {}, ...links),
  );
  const main = make("main", {});
  const page = document.getElementById("page")!;
  page.replaceChildren(header, main, make("footer", {}, say("footer")));
  if (!canCompute()) {
    main.append(make("p", { role: "alert" }, say("no-wasm")));
    return;
  }
  view = null;
  if (client) enter(main);
}

function enter(main: HTMLElement): void {
  view = VIEWS[wanted()](client!);
  main.replaceChildren(view.content);
}

paint();
addEventListener("hashchange", paint);
// The models come after this script; the page is there before them.
addEventListener("DOMContentLoaded", async () => {
  client = await Client.open();
  if (!client.isOfDigits) speakOfImages();
  paint();
});
