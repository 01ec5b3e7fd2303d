// What the reader is asked before a step that surprises. Forward asks, and an answer shows the step at
// once; forward again passes. Back never asks, but shows what has been asked.

/** How long a question stands before forward passes it, in milliseconds: two quick presses skip none. */
const STANDS = 700;

// Whether the question before the next step stands, and since when; and whether the answer to the
// question before the last step has made room for what comes after it.
let asking = false, since = 0, ended = false;

// The answers by question, or PASSED; and whether there are questions at all, as the address has it, or
// else the last visit.
const PASSED = -1;
let given = memory.get("given") ?? {};
const demanded = ["ask", "show"].find(mode => new URLSearchParams(location.search).has(mode));
let asks = (demanded ?? memory.get("mode")) !== "show";

/** The question before a step of this recording. */
function askBefore(number) {
  return frames[number]?.ask;
}

/** The two editions share the questions that they have in common. */
function keyOf({ about, right }) {
  return `${scenario.id}/${about}/${right}`;
}

function isAnswered(ask) {
  return (given[keyOf(ask)] ?? PASSED) !== PASSED;
}

function isWrong(ask) {
  return isAnswered(ask) && given[keyOf(ask)] !== ask.right;
}

/** The question that stands, or the one that this step has answered. */
function shownAsk() {
  if (asking) return askBefore(step + 1);
  const ask = first || ended || !asks ? undefined : askBefore(step);
  return ask && keyOf(ask) in given ? ask : undefined;
}

function remember(ask, answer) {
  memory.set("given", given = { ...given, [keyOf(ask)]: answer });
}

function forget(forgotten) {
  const keys = forgotten.map(keyOf);
  memory.set("given", given = Object.fromEntries(Object.entries(given).filter(([key]) => !keys.includes(key))));
}

function answer(number) {
  remember(askBefore(step + 1), number);
  go(step + 1);
}

/** Goes on without an answer, unless the question has only just come. */
function pass() {
  if (performance.now() - since < STANDS) return;
  const ask = askBefore(step + 1);
  if (!isAnswered(ask)) remember(ask, PASSED);
  go(step + 1);
}

/** Asks before the step that is next in this direction. */
function goQuestion(direction) {
  const numbers = stepsAsked(), from = step + (asking ? 1 : 0);
  const next = direction > 0 ? numbers.find(number => number > from) : numbers.findLast(number => number < from);
  if (next) go(next - 1, true);
}

/** The steps before which is asked. */
function stepsAsked() {
  return [...frames.keys()].filter(askBefore);
}

/** Whether another scenario has asked about the same, and the answer was wrong. */
function isAskedAgain({ about }) {
  return Object.entries(given).some(([key, answer]) => {
    const [id, other, right] = key.split("/");
    return id !== scenario.id && other === about && ![PASSED, Number(right)].includes(answer);
  });
}

/** The next scenario that asks about the same, in other words. */
function askedAgainIn({ about }) {
  return scenarios.slice(scenarios.indexOf(scenario) + 1).find(({ editions }) =>
    editions[edition]?.frames.some(({ ask }) => ask?.about === about));
}

/** The question in the sentence's place; or the step's sentence, and above it the question and how it
 * was answered; at the end also how many were right. */
function said() {
  const frame = shownFrame(), ask = shownAsk();
  if (first) return { kind: "", content: [words.first, asks && stepsAsked().length ? words.firstAsks : ""] };
  const told = ask ? "" : score();
  if (told) return { kind: "scored", content: [html`<span>${sentence(frame)}</span>`, told] };
  if (!ask) return { kind: frame.unexpected ? "unexpected" : "", content: sentence(frame) };
  const question = prose(ask.question[language]);
  const numbered = number => html`${number + 1}: ${prose(ask.answers[number][language])}`;
  if (asking) {
    const again = isAskedAgain(ask) ? html`<b>${words.asksAgain}</b> ` : "";
    const answers = html`<span class="unseen"> ${ask.answers.map((_, number) => html`${numbered(number)}. `)}</span>`;
    return { kind: "asks", content: [again, question, answers] };
  }
  const kind = verdictOn(ask), right = html`<span class="unseen">${words.rightAnswer} ${numbered(ask.right)}. </span>`;
  return { kind: "answered", content: html`<small>${question}</small><span><b class="${kind}">${words.verdicts[kind]}</b>
    ${kind === "right" ? "" : right}${prose(ask.why[language])}</span><span>${sentence(frame)}</span>` };
}

function verdictOn(ask) {
  return !isAnswered(ask) ? "passed" : isWrong(ask) ? "wrong" : "right";
}

/** At the end: how many predictions were right, which were not, and where the belief is asked about
 * again. */
function score() {
  const answered = stepsAsked().filter(number => isAnswered(askBefore(number)));
  if (!asks || step < frames.length - 1 || !answered.length) return "";
  const wrong = answered.filter(number => isWrong(askBefore(number)));
  const again = new Set(wrong.map(number => askedAgainIn(askBefore(number))?.title[language]).filter(Boolean));
  return html`<span class="score">${words.score(answered.length - wrong.length, answered.length)}${
    wrong.length ? words.missed(wrong) : ""}${again.size ? words.comesAgain([...again]) : ""}</span>`;
}

/** The answers in the hand row; once one is given, with how they were. */
function question() {
  const ask = shownAsk();
  if (!ask) return null;
  const mark = number => number === ask.right ? "right" : number === given[keyOf(ask)] ? "wrong" : "other";
  const content = ask.answers.map((text, number) => asking ? card(number + 1, prose(text[language]))
    : html`<p class="${mark(number)}"><kbd>${{ right: "✓", wrong: "✗" }[mark(number)] ?? number + 1}</kbd
      ><span>${prose(text[language])}</span></p>`);
  return { kind: asking ? "cards" : "cards answered", content, choose: button => answer(Number(button.value) - 1) };
}

/** The first card at the end: the missed questions once more, or all. */
function onceMore() {
  const missed = asks ? stepsAsked().filter(number => isWrong(askBefore(number))) : [];
  const again = () => {
    forget(stepsAsked().map(askBefore).filter(ask => !missed.length || isWrong(ask)));
    missed.length ? go(missed[0] - 1, true) : go(0);
  };
  return { detail: missed.length ? words.missedOnes(missed) : words.fromStart, again };
}

/** The marks of the steps that ask, in the timeline: between the step before and theirs. */
function askMarks() {
  const sign = { right: "✓", wrong: "✗", passed: "?" };
  return asks ? stepsAsked().map(number => {
    const kind = verdictOn(askBefore(number));
    return html`<b class="asks ${kind}" style="grid-column:${number + 1}">${sign[kind]}</b>`;
  }) : "";
}

/** What is only printed: the work sheet, with the answers on its last page, and the sentences of all steps. */
function showPaper() {
  const numbers = asks ? stepsAsked() : [];
  const title = name => html`${words.sheet(scenario.title[language], words.editions[edition] ?? "")}: ${name}`;
  const list = (selector, name, item) => fill(selector, numbers.length ? html`<h2>${title(name)}</h2><ol>${
    numbers.map(number => html`<li value="${number}">${item(askBefore(number))}</li>`)}</ol>` : "");
  list("#questions", words.expect, ({ question, answers }) => html`${prose(question[language])}<ol>${
    answers.map(text => html`<li>${prose(text[language])}</li>`)}</ol>`);
  list("#solutions", words.solutions, ({ answers, right, why }) =>
    html`<b>${right + 1}: ${prose(answers[right][language])}</b><br>${prose(why[language])}`);
  fill("#all-steps", frames.map((frame, index) => html`<li value="${index}">${sentence(frame)}</li>`));
}

hands.unshift(question);
