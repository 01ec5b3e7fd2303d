// Shows one step of one recording. Which one, the address tells: #LANGUAGE/SCENARIO/STEP, and
// /python behind it for the twins; ? at its end is the question before the next step.

const { scenarios: [once, written], sources } = JSON.parse(element("#data").textContent);
const scenarios = putBack(written);

/** Puts back what is written once and stands more than once: there is only its number in the list of such
 * values, alone in brackets. */
function putBack(value) {
  if (value === null || typeof value !== "object") return value;
  if (!Array.isArray(value)) return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, putBack(part)]));
  return value.length === 1 && typeof value[0] === "number" ? putBack(once[value[0]]) : value.map(putBack);
}

// The texts stand beside this page: in docs/ as they are written, in a site as pages. A page that
// `cargo lesson` has put elsewhere finds them from target/ only.
const ending = document.documentElement.dataset.texts ?? "md";
const folder = location.pathname.split("/").at(-2);
const docs = folder === "target" ? "../docs/"
  : ending === "html" || folder === "docs" || location.protocol !== "file:" ? "" : null;
const linkTo = text => docs + text?.replace(/\bmd(?=#|$)/, ending);

// Scenarios about one thing stand together on the path.
const GROUPS = [
  ["short", "long"], ["first", "early"], ["threads", "two"], ["parts", "blocks"],
  ["leaves", "killed", "dies", "again"], ["full"], ["linger"],
];
const groupOf = ({ id, wire }) => wire ? "wire" : GROUPS.findIndex(group => group.includes(id));

// What is shown. Where there is no room for all programs, `front` is shown, and of several clients
// `client`. A first visit begins before the first step, with nothing running.
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let scenario = scenarios[0];
let edition, words, programs, frames, step, front, client, first = false, numbered = false;

// The scenarios that have been seen.
let seen = memory.get("seen") ?? {};

const small = matchMedia("(max-width: 640px), (max-width: 1000px) and (max-height: 560px)");

/** What is shown of the recording: on a first visit nothing yet. */
function shownStep() {
  return first ? -1 : step;
}

function shownFrame() {
  const nothing = { who: null, sides: programs.map(() => ({ new: "$ ", at: [], did: [] })), sockets: [], segments: [] };
  return first ? nothing : frames[step];
}

/** What a step is about, who acts in front: by the sentence's own first words, or else by a label. */
function sentence(frame) {
  const { who } = frame, text = frame[language];
  const name = who === null ? "" : nameOfProgram(who);
  const [begins] = name && text.match(new RegExp(`^(The )?${name}`, "i")) || [""];
  const label = begins ? html`<b class="of-${who}">${begins}</b>`
    : name && html`<b class="label of-${who}">${name}</b> `;
  const itself = frame.by_itself ? html` <span class="by-itself"><b>${words.itself}</b> ${prose(frame.by_itself[language])}</span>` : "";
  const met = metBy(frame).map(goal => html` <span class="met">✓ ${prose(goal[language])}</span>`);
  return [label, prose(text.slice(begins.length)), itself, met];
}

/** The goals that a step has met. What has come by itself since leaves them there. */
function metBy(frame) {
  const until = frames.slice(0, frames.indexOf(frame) + 1);
  return until.slice(Math.max(0, until.findLastIndex(it => !it.by_itself))).flatMap(({ met }) => met ?? []);
}

/** Makes the panels of a recording. From step to step they stay, and are filled anew. */
function layOut() {
  const panel = id => html`<section id="${id}" class="panel code"><pre tabindex="0"></pre></section>`;
  const terminals = programs.map((_, number) =>
    html`<section id="terminal-${number}"><h2></h2><pre tabindex="0"></pre></section>`);
  const tabs = programs.map((_, number) => html`<button value="${number}"></button>`);
  fill("main", html`<div id="tabs" role="group">${tabs}</div>${panel("code-0")}
    <section id="kernel" class="panel"><div id="sockets"></div><ol id="ladder"></ol><div id="strip"></div></section>
    ${panel("code-1")}${terminals[0]}<div id="clients">${terminals.slice(1)}</div>`);
  element("main").className = programs.length > 3 ? "many" : programs.length > 2 ? "three" : "";
}

/** The path through the scenarios: dots in groups, and the present one by its name. */
function path() {
  return scenarios.map((other, index) => {
    const { id, title } = other, begins = index > 0 && groupOf(other) !== groupOf(scenarios[index - 1]);
    const label = scenarios.length > 1 ? `${index + 1} ${title[language]}` : title[language], kind = `${begins ? "begins" : ""} ${seen[id] ?? ""}`;
    return other === scenario
      ? html`<li class="here ${kind}"><button popovertarget="list" aria-current="step"><b>${label}</b> ▾</button></li>`
      : html`<li class="${kind}"><button value="${id}" title="${label}" aria-label="${label}"></button></li>`;
  });
}

function showControls() {
  document.documentElement.lang = language;
  document.title = `${scenario.title[language]} · ${words.title}`;
  fill("h1", words.title);
  fill("#path", path()).ariaLabel = words.path;
  fill("#scenarios", scenarios.map(({ id, title }, index) => html`<li class="${seen[id] ?? ""}"><button value="${id}"
    aria-current="${id === scenario.id ? "step" : "false"}">${index + 1} ${title[language]}</button></li>`));
  element("#list").ariaLabel = words.list;
  element("#edition").hidden = Object.keys(scenario.editions).length === 1;
  for (const button of document.querySelectorAll("header .switch button")) {
    button.ariaPressed = button.value === edition || button.value === language;
  }
  fill("#experiment", words.experiment(scenario.experiment)).hidden = docs === null || !scenario.anchor;
  element("#experiment").href = linkTo(scenario.anchor?.[language]);
  fill("#glossary", words.glossary).hidden = docs === null;
  element("#glossary").href = linkTo(words.glossaryPage);
  const mode = asks ? words.doesAsk : words.onlyShows;
  const asksButton = fill("#asks", html`<i>${asks ? "?" : html`<s>?</s>`}</i> <span>${mode}</span>`);
  asksButton.title = asksButton.ariaLabel = `${words.mode}: ${mode}`;
  asksButton.hidden = !stepsAsked().length;
  const numbers = fill("#numbers", html`${words.numbers} <kbd>Q</kbd>`);
  [numbers.hidden, numbers.title, numbers.ariaPressed] = [!scenario.wire, words.numbersTitle, numbered];
  fill("#forget", words.forget).disabled = !Object.keys({ ...seen, ...given }).length;
  fill("#keys span", words.keys);
  fill("#signs", words.signs);
  element("#keys input").checked = memory.get("keys") !== "off";
  fill("#skip", words.toBar);
  for (const id of ["edition", "language", "back", "forward", "tabs"]) {
    element(`#${id}`).ariaLabel = id === "tabs" ? words.programs : words[id];
  }
  fill("#count", first ? `0 / ${frames.length - 1}` : `${step} / ${frames.length - 1}`);
  element("#back").disabled = step === 0 && !asking;
  element("#forward").disabled = step === frames.length - 1 && !nextOnPath() && !shownAsk();
}

function show(moved = false) {
  words = WORDS[language];
  const frame = shownFrame();
  showControls();
  const { kind, content } = said();
  sayThere(kind, content);
  showHand();
  for (const [side, number] of [0, client].entries()) {
    fill(`#code-${side} pre`, code(number)).ariaLabel = programs[number].name;
    element(`#code-${side}`).classList.toggle("behind", (side > 0) !== (front > 0));
  }
  for (const number of programs.keys()) {
    const name = nameOfProgram(number), panel = `#terminal-${number}`;
    fill(`${panel} h2`, html`<span class="unseen">${words.terminal}: </span>${name}`);
    fill(`${panel} pre`, terminal(number));
    element(panel).className = `panel terminal of-${number} ${number !== front ? "behind" : ""} ${
      number > 0 && number !== client ? "other" : ""}`;
    fill(`#tabs [value="${number}"]`, name).ariaPressed = number === (small.matches ? front : client);
  }
  const before = step > 0 && !first ? frames[step - 1].sockets : frame.sockets;
  fill("#sockets", sockets(frame, before));
  const drawn = fill("#ladder", ladder());
  drawn.ariaLabel = words.segments;
  drawn.classList.toggle("draws", moved);
  fill("#strip", strip(frame));
  showTimeline();
  fit();
  scroll();
  const twins = edition === "python" ? "/python" : "";
  if (!first) history.replaceState(null, "", `#${language}/${scenario.id}/${step}${twins}${asking ? "?" : ""}`);
}

/** Fills the sentence's place, with smaller type where it is long. */
function sayThere(kind, content) {
  const box = fill("#sentence", content);
  box.className = kind;
  for (const smaller of ["tight", "tighter"]) {
    if (box.scrollHeight > box.clientHeight + 1) box.classList.add(smaller);
  }
}

/** Makes code a little smaller where all its lines fit then. */
function fit() {
  for (const pre of document.querySelectorAll(".code pre")) {
    const { scrollTop } = pre; // which smaller type would move
    pre.style.fontSize = "";
    const usual = parseFloat(getComputedStyle(pre).fontSize);
    for (let tries = 3, size = usual; tries && pre.scrollHeight > pre.clientHeight; tries--) {
      size *= Math.max(.9, (pre.clientHeight - 1) / pre.scrollHeight);
      const legible = tries > 1 && size > usual * .86;
      pre.style.fontSize = legible ? `${size}px` : "";
      if (!legible) break;
    }
    pre.scrollTop = scrollTop;
  }
}

/** Gives the sockets and the wire the room that they need at any step, so that the ladder stays where it is. */
function reserve() {
  element("#strip").className = frames.some(frame => heldOnes(frame).length) ? "kept" : "";
  const box = element("#sockets");
  box.style.minHeight = "";
  const heights = frames.map((frame, index) => {
    fill("#sockets", sockets(frame, frames[Math.max(index - 1, 0)].sockets));
    return box.scrollHeight;
  });
  box.style.minHeight = `min(${Math.max(...heights) + 2}px, 62%)`;
}

/** Brings into view the line and the socket that matter, and the end of what grows. */
function scroll() {
  for (const box of document.querySelectorAll(".code pre, #sockets")) {
    const done = [...box.querySelectorAll("div.did, div.failed, [data-own=true], .card:has(.new)")].at(-1);
    const own = `.card.of-${shownFrame().who ?? client}`;
    const target = done ?? box.querySelector(`div.blocked, div.next, ${own}`) ?? box.firstElementChild;
    if (!target) continue;
    const [outer, inner] = [box, target].map(shown => shown.getBoundingClientRect());
    const over = inner.top - outer.top, under = outer.bottom - inner.bottom;
    if (Math.min(over, under) < 0) box.scrollTop += (over - under) / 2;
    // No line of code is cut in half.
    const row = parseFloat(getComputedStyle(box).lineHeight);
    if (box.matches(".code pre")) box.scrollTop = Math.ceil(box.scrollTop / row) * row;
  }
  for (const box of document.querySelectorAll(".terminal pre, #ladder")) {
    box.scrollTop = box.scrollHeight;
    box.classList.toggle("cut", box.scrollTop > 0);
  }
}

/** Goes to a step, or to the question behind it, and brings the programs to the front that it is
 * about. */
function go(wanted, withQuestion = false) {
  first = false;
  step = Math.min(Math.max(wanted, 0), frames.length - 1);
  [asking, since, ended] = [withQuestion && Boolean(askBefore(step + 1)), performance.now(), false];
  const numbers = [...programs.keys()];
  const clientOf = ({ who, sides }) => who || numbers.find(number => number > 0 && sides[number].new);
  const latest = frames.slice(0, step + 1).findLast(clientOf);
  client = latest ? clientOf(latest) : 1;
  const { who, sides } = frames[step];
  front = who ?? numbers.find(number => sides[number].new) ?? 0;
  const last = step === frames.length - 1;
  if (seen[scenario.id] !== "done") memory.set("seen", seen = { ...seen, [scenario.id]: last ? "done" : "begun" });
  show(true);
}

function nextOnPath() {
  return scenarios.includes(scenario) ? scenarios[scenarios.indexOf(scenario) + 1] : undefined;
}

function begin(id) {
  choose(id, edition);
  go(0);
}

function forward() {
  const ask = askBefore(step + 1);
  if (first) go(0);
  else if (asking) pass();
  else if (step < frames.length - 1) asks && ask && !isAnswered(ask) ? go(step, true) : go(step + 1);
  else if (shownAsk()) makeRoom(true);
  else if (nextOnPath()) begin(nextOnPath().id);
}

function back() {
  if (asking) go(step);
  else if (ended) makeRoom(false);
  else go(step - 1);
}

/** Shows what comes after the scenario in place of the answers before its last step, or these again. */
function makeRoom(room) {
  ended = room;
  show();
}

/** Shows or hides the numbers of what travels between two machines. */
function toggleNumbers() {
  numbered = !numbered;
  show();
}

/** Goes to the next or the previous chapter. */
function goChapter(direction) {
  const begins = chapters();
  go(direction > 0 ? begins.find(begin => begin > step) ?? Infinity : begins.findLast(begin => begin < step) ?? 0);
}

/** Goes to the next or the previous question, or where nothing is asked, chapter. */
function leap(direction) {
  asks && stepsAsked().length ? goQuestion(direction) : goChapter(direction);
}

/** Chooses a scenario, and of its recordings the wanted one if there is such. */
function choose(id, wanted) {
  scenario = scenarios.find(scenario => scenario.id === id) ?? scenario;
  edition = wanted in scenario.editions ? wanted : Object.keys(scenario.editions)[0];
  if (frames === scenario.editions[edition].frames) return;
  ({ programs, frames } = scenario.editions[edition]);
  words = WORDS[language];
  layOut();
  reserve();
}

/** The step of another recording that is at the same place in the story as this one's: the same program
 * makes the same call for as many times. Where there is none, it is that of the step before. */
function samePlace(others) {
  const names = recording => recording.map(({ who, call }) => `${who} ${nameOf(call ?? "")}`);
  const own = names(frames), theirs = names(others);
  for (let at = step; at >= 0 && step < frames.length - 1; at--) {
    const times = own.slice(0, at).filter(name => name === own[at]).length;
    const found = [...theirs.keys()].filter(index => theirs[index] === own[at])[times];
    if (found !== undefined) return found;
  }
  return step < frames.length - 1 ? 0 : others.length - 1;
}

function followAddress() {
  const [wanted, id, number, twins] = location.hash.slice(1).replace("?", "").split("/");
  if (wanted in WORDS) language = wanted;
  choose(id, twins ?? "rust");
  first = !id && scenarios.length > 1;
  if (!first) return go(parseInt(number) || 0, location.hash.endsWith("?"));
  [step, front, client] = [0, 0, 1];
  show();
}

const on = (selector, event, action) => element(selector).addEventListener(event, action);
on("#back", "click", back);
on("#forward", "click", forward);
on("#skip", "click", event => {
  event.preventDefault();
  element("header button").focus();
});
on("#step", "input", ({ target }) => go(Number(target.value)));
on("#timeline", "pointermove", pointAt);
on("#timeline", "pointerleave", () => markPointed(NaN));
on("#hand", "click", ({ target }) => {
  const button = target.closest("button");
  if (button) hand.choose(button);
});
for (const list of ["#path", "#scenarios"]) {
  on(list, "click", ({ target }) => {
    const { value } = target.closest("button") ?? {};
    if (!value) return;
    element("#list").hidePopover();
    begin(value);
  });
}
on("#edition", "click", ({ target }) => {
  const other = scenario.editions[target.value];
  if (!other) return;
  const same = samePlace(other.frames);
  choose(scenario.id, target.value);
  first ? show() : go(same);
});
on("#language", "click", ({ target }) => {
  language = target.value || language;
  show();
});
on("#asks", "click", () => {
  asks = !asks;
  memory.set("mode", asks ? "ask" : "show");
  asking &&= asks;
  show();
});
on("#numbers", "click", toggleNumbers);
on("#forget", "click", () => {
  memory.set("given", given = {});
  memory.set("seen", seen = {});
  show();
});
on("#keys input", "change", ({ target }) => memory.set("keys", target.checked ? "on" : "off"));
on("main", "click", ({ target }) => {
  const segment = target.closest("[data-step]"), tab = target.closest("#tabs button");
  if (segment) go(Number(segment.dataset.step));
  if (!tab) return;
  front = Number(tab.value);
  client = front || client;
  show();
});
/** Whether a key is meant for the page, and for nothing that the learner types into or chooses from. */
function isForPage({ target, altKey, ctrlKey, metaKey, isComposing }) {
  return !(altKey || ctrlKey || metaKey || isComposing) && memory.get("keys") !== "off"
    && !target.closest?.("input:not(#step), textarea, select, [popover]");
}

addEventListener("keydown", event => {
  const { code, shiftKey } = event;
  if (!isForPage(event)) return;
  const moves = {
    ArrowRight: shiftKey ? () => leap(1) : forward, ArrowLeft: shiftKey ? () => leap(-1) : back,
    PageDown: forward, PageUp: back, Home: () => go(0), End: () => go(Infinity),
    KeyQ: toggleNumbers,
  };
  if (event.repeat && asking) return event.preventDefault(); // who holds a key down reads no question
  if (code in moves) moves[code]();
  else if (!pressHand(code)) return;
  event.preventDefault();
});
addEventListener("hashchange", followAddress);
addEventListener("beforeprint", showPaper);
addEventListener("resize", () => {
  reserve();
  show();
});
followAddress();
