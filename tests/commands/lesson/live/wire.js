// The wire in the learner's hand, where server and clients are on two machines: what becomes of whatever
// travels in each direction, what stands on the wire, and the timers, which run on. Stands behind live.js.

const WIRE_WORDS = {
  en: {
    machines: { one: "one machine", two: "two machines", small: "two machines, small queues" },
    ways: ["← to the server", "to the clients →"],
    fates: { deliver: "deliver", hold: "‖ hold", "lose-one": "✕ lose 1", lose: "✕ lose all" }, once: "once more: lose all",
    letGo: "let go:", lose: "lose:", letGoAll: "let go all",
  },
  zh: {
    machines: { one: "一台机器", two: "两台机器", small: "两台机器，小队列" },
    ways: ["← 发往服务器", "发往客户端 →"],
    fates: { deliver: "送达", hold: "‖ 扣住", "lose-one": "✕ 丢 1 个", lose: "✕ 全丢" }, once: "再点一次：全丢",
    letGo: "放行：", lose: "丢弃：", letGoAll: "全部放行",
  },
};
const wireWords = () => WIRE_WORDS[language];

const MACHINES = { one: "one", two: { two: { small_queues: false } }, small: { two: { small_queues: true } } };
const idOf = machines => machines === "one" ? "one" : machines.two.small_queues ? "small" : "two";
const machinesNow = () => idOf(head.machines ?? "one");
const pairNow = () => live.own ? "own" : programs[0].name.startsWith("long") ? "long" : "short";

function anew(pair, machines) {
  ask("anew", { pair, machines });
}

/** On how many machines to start anew; or why there can be no two. */
function machineButtons() {
  if (live.own) return "";
  const text = wireWords();
  const buttons = Object.entries(text.machines).map(([id, name]) => html`<button value="${id}" aria-pressed="${
    id === machinesNow()}" ${live.why_alone && id !== "one" ? "disabled" : ""}>${name}${say().colon}${say().anew}</button>`);
  return html`<hr>${buttons}${live.why_alone ? html`<p>${live.why_alone[language]}</p>` : ""}<hr>`;
}

/** What a goal needs that this session does not have. */
function lacks(index) {
  const { needs } = live.challenges[index];
  return needs && !live.own && idOf(needs.machines) !== machinesNow() ? needs : null;
}

function whatGoalLacks(index) {
  const needs = lacks(index);
  if (!needs) return "";
  if (live.why_alone) return html`<p>${live.why_alone[language]}</p>`;
  const { anew, colon, comma, pairs } = say(), machines = wireWords().machines[idOf(needs.machines)];
  return html`<button value="anew" class="anew">${anew}${colon}${pairs[needs.pair]}${comma}${machines}</button>`;
}

/** Starts anew with what a goal needs. */
function setUpFor(index) {
  const needs = lacks(index);
  if (needs && !live.why_alone) anew(needs.pair, needs.machines);
}

const FATES = ["deliver", "hold", "lose-one", "lose"];

/** What becomes of whatever travels to the server, or else to the clients, at the step that is shown. */
const fateOf = way => fateIn(shownFrame(), way);

/** Both directions. Who presses "lose 1" once more, loses all. Of a step that is past, they show what was decided then. */
function wireControls() {
  const text = wireWords(), past = step < lastStep();
  const ways = text.ways.map((label, way) => {
    const fate = fateOf(way), last = fate === "lose" ? "lose" : "lose-one";
    const buttons = ["deliver", "hold", last].map(its => html`<button value="way-${way}-${its}" class="is-${its}" title="${
      its === "lose-one" ? text.once : ""}" aria-pressed="${fate === its}" ${past ? "disabled" : ""}>${text.fates[its]}</button>`);
    return html`<div class="way" role="group" aria-label="${label}"><span>${label} <kbd>${"<>"[way]}</kbd></span
      ><div class="switch">${buttons}</div></div>`;
  });
  return html`<div class="ways">${ways}</div>`;
}

function decide(way, chosen) {
  const was = fateOf(way), fate = chosen === was && was === "lose-one" ? "lose" : chosen;
  if (fate !== was) ask("decide", { to_server: way === "0", fate });
}

/** The next fate of what travels in a direction, by its key. */
function turn(way) {
  const next = FATES[(FATES.indexOf(fateOf(way)) + 1) % FATES.length];
  ask("decide", { to_server: way === 0, fate: next });
}

/** What stands on the wire, with what can be done to it. */
function showWire() {
  document.body.classList.toggle("wired", Boolean(scenario.wire));
  element("#strip").className = scenario.wire ? "kept" : "";
  tick();
  const held = heldOnes(shownFrame());
  if (!scenario.wire || !held.length || step < lastStep() || gone) return;
  const text = wireWords();
  const buttons = held.map((one, index) => {
    const label = heldLabel(one);
    return html`<li class="of-${one.segment[0]}"><button value="let-go-${one.number}"><span class="unseen">${text.letGo} </span>${label}${
      index ? "" : html` <kbd>G</kbd>`}</button><button value="lose-${one.number}"><span class="unseen">${text.lose} ${label} </span>✕${
      index ? "" : html` <kbd>X</kbd>`}</button></li>`;
  });
  fill("#strip", html`<b aria-hidden="true">‖</b><span class="name">${words.onTheWire}</span><ul>${buttons}</ul>${
    held.length > 1 ? html`<button value="all">${text.letGoAll}</button>` : ""}`);
}

/** Lets a held segment go or loses it: the oldest one, where none is named. */
function release(what, number = heldOnes(frames[lastStep()])[0]?.number) {
  if (number !== undefined) ask(what, { number: Number(number) });
}

/** Lets the timers on the cards run, as far as this moment is shown. */
function tick() {
  if (!isLive() || step < lastStep() || gone) return;
  const elapsed = (Date.now() - (shownFrame().at ?? Date.now())) / 1000;
  for (const timer of document.querySelectorAll(".timer[data-kind]")) {
    const { kind, seconds } = timer.dataset;
    const text = timerText(kind, Math.max(0, seconds - elapsed));
    if (timer.textContent !== text) timer.textContent = text; // or the page would be laid out anew
  }
}
setInterval(tick, 200);

on("main", "click", ({ target }) => {
  const { value } = target.closest("#strip button") ?? {};
  if (!value) return;
  const [, what, number] = value.match(/^(let-go|lose)-(\d+)$/) ?? [];
  if (what) release(what, number);
  else ask("let-go-all");
});

addEventListener("keydown", event => {
  const { code, key, repeat } = event;
  if (repeat || !isForPage(event)) return;
  if (!isLive() || !scenario.wire || gone || step < lastStep()) return;
  if (key === "<" || key !== ">" && code === "Comma") turn(0);
  else if (key === ">" || code === "Period") turn(1);
  else if (code === "KeyG") release("let-go");
  else if (code === "KeyX") release("lose");
});
