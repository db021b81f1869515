// The words of the page in English and Polish.

import { ALTERED } from "./packs.ts";
import english from "./words/en.json" with { type: "json" };
import englishOfImages from "./words/en-images.json" with { type: "json" };
import polish from "./words/pl.json" with { type: "json" };
import polishOfImages from "./words/pl-images.json" with { type: "json" };

export type Language = "en" | "pl";
type Name = keyof typeof english;

const WORDS: Record<Language, Record<Name, string>> = { en: english, pl: polish };
// In place of these where the classes are no digits.
const OF_IMAGES: Record<Language, Partial<Record<Name, string>>> = {
  en: englishOfImages,
  pl: polishOfImages,
};

let ofImages = false;

/** From now on the page speaks of images of classes, and not of digits. */
export function speakOfImages(): void {
  ofImages = true;
}

export let language: Language = preferred();

function preferred(): Language {
  try {
    const kept = localStorage.getItem("language");
    if (kept === "en" || kept === "pl") return kept;
  } catch {
    // a page from a file may have no storage
  }
  return navigator.language.startsWith("pl") ? "pl" : "en";
}

export function choose(chosen: Language): void {
  language = chosen;
  try {
    localStorage.setItem("language", chosen);
  } catch {
    // as above
  }
}

/** A text by its name, with values for its {places}. */
export function say(name: Name, values: Record<string, string | number> = {}): string {
  const own = ofImages ? OF_IMAGES[language][name] : undefined;
  return (own ?? WORDS[language][name]).replace(/\{(\w+)\}/g, (_, place) => `${values[place]}`);
}

/** What went wrong, in a sentence. */
export function problem(error: unknown): string {
  const reason = error instanceof Error ? error.message : `${error}`;
  if (reason === ALTERED) return say("altered");
  return /memory|allocation/i.test(reason) ? say("no-memory") : say("failed", { reason });
}

/** A number as the language writes it. */
export const number = (value: number, digits = 0): string =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
