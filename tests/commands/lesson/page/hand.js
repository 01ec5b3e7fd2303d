// The hand row: one place of fixed height for what the reader can do now, or else for what the
// programs do now.
//
// What can fill it stands in `hands`; the first that has something to show does. Each is a function
// that returns nothing, or { kind, content, choose }: the row's class, its markup, and what happens
// when one of its buttons is chosen. A button's `data-key` names the key that chooses it, as in
// KeyboardEvent.code; `value` is the button's own affair.

const hands = [];
let hand;

function showHand() {
  const focused = document.activeElement?.closest("#hand button");
  hand = hands.map(make => make()).find(Boolean);
  const row = fill("#hand", hand.content);
  row.className = hand.kind;
  if (!focused) return;
  // The button that had the focus is gone; the one that has taken its place gets it.
  const same = [...row.querySelectorAll("button")].find(button =>
    button.dataset.key === focused.dataset.key && button.value === focused.value);
  (same ?? element("#forward")).focus({ focusVisible: false });
}

/** Clicks the button that this key belongs to. */
function pressHand(code) {
  const button = element(`#hand [data-key="${code.replace("Numpad", "Digit")}"]`);
  button?.click();
  return Boolean(button);
}

/** A button over a third of the row: a question's answer, or what to do at a scenario's end. */
function card(number, text, detail, kind = "") {
  return html`<button class="${kind}" value="${number}" data-key="Digit${number}"><kbd>${number}</kbd><span>${text}${
    detail ? html` <small>${detail}</small>` : ""}</span></button>`;
}

/** At a scenario's end: once more, try it, or the next one. */
function atTheEnd() {
  if (step < frames.length - 1 || first || scenarios.length < 2) return null;
  const following = nextOnPath(), number = scenarios.indexOf(following) + 1;
  const { detail, again } = onceMore(), { anchor, experiment } = scenario;
  const content = [
    card(1, words.once, detail),
    docs !== null && card(2, words.yourself, anchor ? words.experiment(experiment) : words.experiments),
    following ? card(3, words.following(following.title[language]), words.or(number, scenarios.length), "go")
      : card(3, words.beginning, scenarios[0].title[language]),
  ];
  return { kind: "cards", content: content.map(made => made || html`<span></span>`), choose };
  function choose(button) {
    if (button.value === "1") again();
    if (button.value === "2") location.href = linkTo(anchor?.[language] ?? words.experimentsPage);
    if (button.value === "3") begin((following ?? scenarios[0]).id);
  }
}

/** What each program does now. */
function heads() {
  const frame = shownFrame();
  // Of several threads, the first stands beside the program's name where one line does not hold all.
  const head = number => {
    const side = frame.sides[number], own = threads(side), split = own.length > 2 ? 1 : 0;
    return html`<div class="head ${own.length ? "threads" : ""} of-${number}"><p><b>${nameOfProgram(number)}</b> ${own.slice(0, split)}</p
      ><p>${own.length ? own.slice(split) : state(stateOf(side))}</p></div>`;
  };
  const clients = [...programs.keys()].slice(1);
  const cut = frame.wire?.length && frame.wire.every(({ fate }) => fate === "lose");
  return {
    kind: clients.length > 2 ? "heads many" : "heads",
    content: html`${head(0)}<div class="head kernel">${scenario.wire
      ? html`<p>${words.kernels}</p><p>10.0.0.1 ${cut ? "✕" : "↔"} 10.0.0.2</p>` : html`<p>${words.kernel}</p>`}</div
      ><div class="group">${clients.map(head)}</div>`,
  };
}

hands.push(atTheEnd, heads);
