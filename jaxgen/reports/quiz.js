// The quiz: shows one picture after another, then the score. The first source is "real".
"use strict";
const { seed, sources, questions } = JSON.parse(document.getElementById("questions").textContent);
const get = (id) => document.getElementById(id);
let order = questions.map((_, place) => place);
let answers = []; // in the order of the questions: whether the reader took the picture for real
let round = 0;

// Mulberry32. Unlike Math.random it gives the same numbers in every browser.
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffle(list, random) {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [list[last], list[other]] = [list[other], list[last]];
  }
}

// The 95 % interval of the proportion of `hits` in `n` (Wilson 1927).
function wilson(hits, n) {
  const z = 1.96, share = hits / n, spread = (z * z) / n;
  const half = z * Math.sqrt((share * (1 - share)) / n + spread / (4 * n));
  return [share + spread / 2 - half, share + spread / 2 + half].map((end) => end / (1 + spread));
}

const percent = (share) => `${(100 * share).toFixed(0)} %`;
const interval = ([low, high]) => `${(100 * low).toFixed(0)} to ${percent(high)}`;

function make(tag, text = "", properties = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  return Object.assign(element, properties);
}

function ask() {
  const place = answers.length;
  get("done").value = place;
  get("place").textContent = `${place + 1} of ${order.length}`;
  get("picture").src = questions[order[place]].picture;
}

function answer(real) {
  if (answers.length === order.length) return;
  answers.push(real);
  if (answers.length < order.length) ask();
  else tell();
}

function verdict(low, high) {
  if (low > 0.5) return "Guessing is right half of the time, and your interval lies above that: you can tell them apart.";
  if (high < 0.5) return "Guessing is right half of the time, and your interval lies below that: you see a difference, but take the generated ones for the real ones.";
  return "Guessing is right half of the time, and that lies within your interval: these answers do not show that you can tell them apart.";
}

function tell() {
  const asked = order.map((place, turn) => {
    const { picture, source } = questions[place];
    return { picture, source, real: answers[turn], right: answers[turn] === (source === 0) };
  });
  const hits = asked.filter(({ right }) => right).length;
  const [low, high] = wilson(hits, asked.length);
  get("share").textContent = percent(hits / asked.length);
  get("hits").textContent = `${hits} of ${asked.length} answers; the 95 % interval is ${interval([low, high])}.`;
  get("verdict").textContent = verdict(low, high);
  get("interval").style.left = `${100 * low}%`;
  get("interval").style.right = `${100 * (1 - high)}%`;
  get("found").style.left = `${(100 * hits) / asked.length}%`;
  get("sources").replaceChildren(...sources.map((name, source) => row(name, asked.filter((one) => one.source === source))));
  get("play").hidden = true;
  get("score").hidden = false;
  get("told").focus();
}

function row(name, asked) {
  const taken = asked.filter(({ real }) => real).length;
  const share = make("td", `${taken} of ${asked.length}`);
  share.append(make("small", interval(wilson(taken, asked.length))));
  const fooled = make("td");
  const wrong = asked.filter(({ right }) => !right);
  const alt = name === sources[0] ? "A real digit that you took for generated" : `A digit of ${name} that you took for real`;
  fooled.append(...(wrong.length ? wrong.map(({ picture }) => make("img", "", { src: picture, alt })) : ["none"]));
  const line = make("tr");
  line.append(make("th", name, { scope: "row" }), share, fooled);
  return line;
}

function again() {
  round += 1;
  answers = [];
  shuffle(order, generator(seed + round));
  get("score").hidden = true;
  get("play").hidden = false;
  ask();
}

get("real").addEventListener("click", () => answer(true));
get("generated").addEventListener("click", () => answer(false));
get("again").addEventListener("click", again);
document.addEventListener("keydown", (event) => {
  // A key that is held down counts once; combinations with a modifier are for the browser.
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || get("play").hidden) return;
  const real = { r: true, ArrowLeft: true, g: false, ArrowRight: false }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (real === undefined) return;
  event.preventDefault();
  answer(real);
});
get("done").max = order.length;
get("play").hidden = false;
ask();
