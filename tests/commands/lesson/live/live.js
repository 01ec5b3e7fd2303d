// The live edition: what happens next, the learner decides. Stands behind the scripts of the page, which
// `cargo lesson` serves; frames come as the session tells them, and the last one is now.

const live = JSON.parse(element("#live").textContent);

const LIVE_WORDS = {
  en: {
    lesson: "Lesson", live: "Live", place: "recorded or live", save: "Save", takeOver: "Take over here",
    pairs: { short: "short pair", long: "long pair" }, pair: "pair and machines", anew: "Start anew", colon: ": ", comma: ", ", back: "Back to the one before",
    goal: "Goal", hint: "Hint", nextGoal: "next goal", allMet: "all goals reached",
    start: "start", another: "client", menu: name => `${name}: arguments, language, Ctrl-C, kill`,
    runs: "runs by itself", stopped: "stopped", line: "type a line",
    past: (step, last) => `You look at step ${step} of ${last}. End returns to now.`, now: "now",
    ctrlC: "Ctrl-C", kill: "kill -9", ctrlD: "Ctrl-D: end of its input", running: "for its next start", language: "language",
    message: "MESSAGE", bytes: "or so many bytes", count: "COUNT", backlog: "BACKLOG", forever: "forever",
    onlyAddress: "A Python twin takes no more than the address.", ownFile: "It is read anew at each start. If it uses sys.argv, it is given the address 127.0.0.1:12345.",
    gone: "cargo lesson has ended. The steps so far can still be looked at.",
    ended: "The session has ended by an error; the terminal of cargo lesson says more. Start anew.",
    texts: "Texts",
    begin: "Each click lets one program do one thing, and the kernel answers at once. Start the server, or the client first.",
    explain: {
      accept: "`accept` waits until a client connects: start one.",
      recv: "`recv` waits for bytes, or for the end of the stream: the other side has to send or close.",
      connect: "`connect` waits for an answer to its SYN: the server’s accept queue is full.",
      acceptOnWire: "`accept` waits until a handshake is complete: a client has begun one, and on the wire some of it is held or lost.",
      recvOnWire: "`recv` waits: the other side has sent or closed already, and on the wire that is held or lost.",
      connectOnWire: "`connect` waits for an answer to its SYN: on the wire, one of the two is held or lost.",
      send: "`send` waits until the other side’s kernel confirms more: the send queue is full.",
      "its turn": "It waits for its turn: `STEP` asks one thread at a time.",
      ready: name => `\`${name}\` waits until one of its sockets has something to read, or can be written. It is not marked in the code: only the calls of sockets are.`,
      other: "It waits, and makes no call.",
    },
  },
  zh: {
    lesson: "课程", live: "动手", place: "演示还是动手", save: "保存", takeOver: "从这里接手",
    pairs: { short: "短连接", long: "长连接" }, pair: "程序和机器", anew: "重新开始", colon: "：", comma: "，", back: "回到上一个会话",
    goal: "目标", hint: "提示", nextGoal: "下一个目标", allMet: "全部目标都已达成",
    start: "启动", another: "客户端", menu: name => `${name}：参数、语言、Ctrl-C、kill`,
    runs: "自己运行中", stopped: "已暂停", line: "输入一行",
    past: (step, last) => `正在回看第 ${step} 步，共 ${last} 步。按 End 回到现在。`, now: "现在",
    ctrlC: "Ctrl-C", kill: "kill -9", ctrlD: "Ctrl-D：结束输入", running: "下次启动时", language: "语言",
    message: "MESSAGE", bytes: "或：字节数", count: "COUNT", backlog: "BACKLOG", forever: "一直发送",
    onlyAddress: "Python 版除地址外不接受参数。", ownFile: "每次启动都重新读取文件。如果它用到 sys.argv，就得到参数 127.0.0.1:12345。",
    gone: "cargo lesson 已经结束。已有的步骤仍可回看。",
    ended: "会话因错误而结束，详情见 cargo lesson 的终端。请重新开始。",
    texts: "文档",
    begin: "每点一次按钮，一个程序就走一步，内核随即作出反应。请先启动服务器，或者先启动客户端。",
    explain: {
      accept: "`accept` 要等客户端来连接：请启动一个客户端。",
      recv: "`recv` 在等数据或 EOF（流结束）：要由对端发送或关闭。",
      connect: "`connect` 在等对 SYN 的回应：服务器的全连接队列已满。",
      acceptOnWire: "`accept` 要等握手完成：已有客户端发起连接，但线路上，握手的报文段被扣住或丢失了。",
      recvOnWire: "`recv` 在等数据或 EOF（流结束）：对端已经发送或关闭，但线路上，报文段被扣住或丢失了。",
      connectOnWire: "`connect` 在等对 SYN 的回应：线路上，SYN 或回应被扣住或丢失了。",
      send: "`send` 要等对端的内核确认更多数据：发送队列已满。",
      "its turn": "它在等轮到自己：`STEP` 每次只询问一个线程。",
      ready: name => `\`${name}\` 要等到某个套接字可读或可写。代码里没有标出这一行：只标记套接字的调用。`,
      other: "它在等待，没有要进行的调用。",
    },
  },
};
const say = () => LIVE_WORDS[language];
const inBoth = pick => ({ en: pick(LIVE_WORDS.en), zh: pick(LIVE_WORDS.zh) });

// The session, as it is told; where the lesson is meanwhile; and what the sentence says in its stead.
const session = { id: "live", title: { en: "Live", zh: "动手" }, editions: { live: { programs: [], frames: [], numbered: true } } };
let head = { what: "" }, begins = true, wantsLive = false, lessonScenario = null, told = null, busy = false, gone = false, menuOf = null;

// How many events are still to come of those that had been told before this page listened.
let awaited = 0;

// What each program is started with next, as long as the set-up stays.
const nothingWanted = () => Array.from({ length: 5 }, () => ({ edition: "rust", message: "", bytes: "", count: "", backlog: "" }));
let wanted = nothingWanted();

// The goals that have been reached in this browser, and the one of the moment.
const reached = new Set(memory.get("goals") ?? []);
const isReached = index => reached.has(live.challenges[index].title.en);
let goal = Math.max(0, live.challenges.findIndex((_, index) => !isReached(index)));

const setUp = () => `${head.what} ${JSON.stringify(head.machines)}`;
const isLive = () => scenario === session;
const lastStep = () => session.editions.live.frames.length - 1;

// What the page has besides.
element("h1").insertAdjacentHTML("afterend", `<div id="place" class="switch" role="group">
  <button value="lesson"></button><button value="live"></button></div><button id="goal" popovertarget="goals"></button>`);
element("#language").insertAdjacentHTML("beforebegin", `<button id="take-over"></button>
  <button id="setup" popovertarget="pairs"></button><a id="texts" class="button"></a>`);
element("#list").insertAdjacentHTML("afterend", `
  <div id="goals" popover></div><div id="pairs" popover></div><div id="menu" popover></div>`);

/** The places, the goal, and the session's own buttons. */
function showBar() {
  const text = say(), shown = isLive();
  document.body.classList.toggle("live", shown);
  element("#place").hidden = false;
  for (const button of element("#place").children) {
    fill(`#place [value=${button.value}]`, text[button.value]);
    button.ariaPressed = (button.value === "live") === shown;
  }
  element("#place").ariaLabel = text.place;
  element("#path").hidden = shown;
  element("#take-over").hidden = shown || live.why_not || first;
  fill("#take-over", html`${text.takeOver} <kbd>T</kbd>`);
  for (const id of ["goal", "setup"]) element(`#${id}`).hidden = !shown;
  fill("#texts", text.texts).href = language === "zh" ? "index.zh-CN.html" : "index.html";
  if (!shown) return;
  const count = live.challenges.filter((_, index) => isReached(index)).length, all = live.challenges.length;
  const title = count === all ? text.allMet : prose(live.challenges[goal].title[language]);
  fill("#goal", html`<b>${text.goal} ${goal + 1}</b> <span>${title}</span> <small>✓ ${count} / ${all} ▾</small>`);
  const pair = text.pairs[head.what] ?? head.title?.[language] ?? "";
  fill("#setup", html`${scenario.wire ? html`<span class="its-pair">${pair}${text.comma}</span>${wireWords().machines[machinesNow()]}` : pair} ▾`).ariaLabel = text.pair;
  fill("#pairs", html`${live.own ? html`<button value="own">${text.anew}</button>`
    : Object.entries(text.pairs).map(([id, name]) => html`<button value="${id}">${name}${text.colon}${text.anew}</button>`)}${machineButtons()}
    ${head.has_previous ? html`<button value="back">${text.back}</button>` : ""}
    <button value="save">${text.save}</button><a href="${element("#texts").href}">${text.texts}</a>`);
  if (element("#goals").matches(":popover-open")) showGoals();
}

/** All goals: the one of the moment with its hint on request, those that are reached with their reason. */
function showGoals() {
  const text = say();
  fill("#goals", html`<p><button value="next"><kbd>N</kbd> ${text.nextGoal}</button></p><ol>${
    live.challenges.map(({ title, hint, why }, index) => html`<li class="${isReached(index) ? "met" : ""} ${index === goal ? "here" : ""}">
      <button value="${index}">${index + 1} ${prose(title[language])}</button>${
        isReached(index) ? html`<p>${prose(why[language])}</p>`
          : index === goal ? html`<details><summary>${text.hint}</summary>${prose(hint[language])}</details>` : ""}${
        index === goal ? whatGoalLacks(index) : ""}</li>`)}</ol><p class="signs">${words.signs}</p>`);
}

/** The goal behind this one: an open one, if there is any. */
function goalAfter(from) {
  const all = live.challenges.length;
  const order = Array.from({ length: all }, (_, index) => (from + 1 + index) % all);
  return order.find(index => !isReached(index)) ?? order[0];
}

/** Makes a goal the one of the moment, and brings what it needs where nothing is lost by that. */
function setGoal(index) {
  goal = index;
  if (lastStep() < 1) setUpFor(goal);
  show();
}

/** What a thread or a program can be let do: its button. */
function actButton(number, { is, what = "" }, label, key, data = "") {
  const text = say(), past = step < lastStep(), detail = nameOf(words.detail(what));
  const can = !past && !gone && (is === "asks" || is === "absent" || is === "ended");
  const says = is === "asks" ? html`<code>${what}</code>`
    : is === "waits" && isCall(what) ? html`<span class="known">${words.waits(detail).slice(0, -detail.length)}</span><code>${detail}</code>`
      : is === "waits" ? words.waits(detail) : is === "runs" ? text.runs : is === "stopped" ? text.stopped : past ? words.absent : html`▶ ${text.start}`;
  return html`<button class="act is-${is} of-${number}" value="act-${number}${data}" ${key ? html`data-key="${key}"` : ""
    } aria-disabled="${!can}" title="${what}"><span><b>${label}</b>${key ? html` <kbd>${key.slice(-1)}</kbd>` : ""}</span
    ><span>${says}</span></button>`;
}

/** A program's cell: a button for it or for each of its threads, or a field for the line that it reads. */
function cell(number) {
  const side = shownFrame().sides[number], own = stateOf(side);
  const key = number ? `Digit${number}` : "KeyS", name = nameOfProgram(number), text = say();
  const label = number ? words.client : words.server;
  const threads = (side.threads ?? []).filter(({ state }) => ["asks", "waits"].includes(state.is));
  const asking = threads.findIndex(({ state }) => state.is === "asks");
  const reads = own.is === "waits" && own.what === "its terminal" && step === lastStep() && !gone;
  const buttons = reads
    ? html`<form class="act of-${number}" data-who="${number}"><span><b>${name}</b></span><input aria-label="${name}: ${text.line}"
        placeholder="${text.line}" maxlength="1000" value="${typed[number] ?? ""}"><button>⏎</button></form>`
    : threads.length > 1
      ? threads.map(({ name: thread, state }, index) =>
        actButton(number, state, html`${index ? "" : html`<span class="known">${label}</span> `}<i>${words.thread(thread, threads.length > 2 || small.matches)}</i>`, index === asking ? key : "", `-${thread}`))
      : actButton(number, own, label, key);
  const menu = html`<button class="more" value="menu-${number}" aria-label="${text.menu(name)}">⋯</button>`;
  return html`<div class="cell of-${number} ${step < lastStep() ? "past" : ""}">${buttons}${menu}</div>`;
}

// What stands in the fields that programs read, since the row is filled anew at each step.
const typed = [];
let field = null;

function liveHand() {
  if (!isLive()) return null;
  const active = document.activeElement, form = active?.closest?.("#hand form");
  field = form && active.matches("input") ? [form.dataset.who, active.selectionStart, active.selectionEnd] : null;
  const text = say(), clients = programs.length - 1;
  const isPast = step < lastStep();
  const now = html`<button class="another now go" value="now">${text.now}</button>`;
  const another = isPast ? now : clients < 4 && !gone
    ? html`<button class="another" value="act-${programs.length}" data-key="Digit${programs.length}" aria-disabled="false">＋<br>${text.another}</button>` : "";
  const middle = isPast ? html`<p>${text.past(step, lastStep())}</p>`
    : html`<p>${words.kernel}</p>`;
  const wire = scenario.wire && !gone;
  return {
    kind: `hand ${clients > 2 ? "many" : ""}`, choose: chooseLive,
    content: html`${cell(0)}${wire ? wireControls() : html`<div class="head kernel">${middle}</div>`}<div class="group">${
      Array.from({ length: clients }, (_, index) => cell(index + 1))}${another}</div>`,
  };
}
hands.unshift(liveHand);

// Live, what a line will show is not known beforehand; but the recordings of the same source know it.
const roomOfRecording = roomOf;
const recordedRooms = new Map();
function recordedRoom(source) {
  const key = `${language} ${programs.length} ${source}`, room = new Map(), now = [programs, frames];
  if (recordedRooms.has(key)) return recordedRooms.get(key);
  const recordings = scenarios.flatMap(({ editions }) => Object.values(editions));
  for (const recording of recordings.filter(other => other.programs.length <= now[0].length)) {
    ({ programs, frames } = recording);
    const number = programs.findIndex(program => program.source === source);
    if (number >= 0) widen(room, roomOfRecording(number, source));
  }
  [programs, frames] = now;
  recordedRooms.set(key, room);
  return room;
}
roomOf = (number, source) => widen(isLive() ? new Map(recordedRoom(source)) : new Map(), roomOfRecording(number, source));

let mostRoom = 0;
/** Whether there is such a goal, and it can be reached here. */
const canTry = index => index >= 0 && !live.why_not && !(live.why_alone && live.challenges[index].needs);

/** Lets the learner bring about what a recorded scenario shows. */
function tryIt(index) {
  toLive();
  setGoal(index);
  if (lacks(index) && lastStep() > 0) element("#goals").showPopover();
}

// At the end of a recorded scenario: its goal, here.
hands[hands.indexOf(atTheEnd)] = () => {
  const end = atTheEnd(), index = live.challenges.findIndex(challenge => challenge.scenario === scenario.id);
  if (!end || !canTry(index)) return end;
  const [again, , following] = end.content;
  const doable = card(2, words.yourself, prose(live.challenges[index].title[language]));
  return { ...end, content: [again, doable, following], choose: button => button.value === "2" ? tryIt(index) : end.choose(button) };
};

// After a wrong answer: the goal that shows the right one, in place of an answer that is neither.
hands[hands.indexOf(question)] = () => {
  const answers = question(), ask = shownAsk();
  if (!answers || asking || !isWrong(ask)) return answers;
  const index = live.challenges.findIndex(challenge => challenge.answers.includes(`${scenario.id}/${ask.about}`));
  if (!canTry(index)) return answers;
  const content = answers.content.filter((_, number) => [ask.right, given[keyOf(ask)]].includes(number));
  const doable = html`<button value="try"><span>${words.yourself}: ${prose(live.challenges[index].title[language])}</span></button>`;
  return { ...answers, content: [content, doable], choose: () => tryIt(index) };
};

const showLesson = show;
show = moved => {
  showLesson(moved);
  showBar();
  if (!isLive()) return;
  const begin = !step && !lastStep() && [prose(frames[0][language]), language === "en" ? " " : "", say().begin];
  const instead = gone && step === lastStep() ? say().gone : told && (told.at ?? step) === step ? prose(told[language]) : begin;
  if (instead) sayThere("", instead === begin ? begin : html`<span class="note">${instead}</span>`);
  showWire();
  if (menuOf !== null && !element("#menu").contains(document.activeElement)) showMenu();
  if (field) {
    const input = element(`#hand form[data-who="${field[0]}"] input`);
    input?.focus();
    input?.setSelectionRange(field[1], field[2]);
  }
  // The sockets keep the room that they once had, so that the ladder stays where it is.
  mostRoom = Math.max(mostRoom, element("#sockets").scrollHeight);
  element("#sockets").style.minHeight = `min(${mostRoom}px, 62%)`;
};

// Live, that room is known only of the steps so far.
const reserveLesson = reserve;
reserve = () => {
  if (!isLive()) return reserveLesson();
  mostRoom = 0;
  element("#sockets").style.minHeight = "";
};

/** A program's menu: what can be done to it, and how it is started next. */
function showMenu() {
  const text = say(), number = menuOf, program = programs[number], choice = wanted[number];
  if (!program) return;
  const { is, what } = stateOf(frames[lastStep()].sides[number]);
  const running = is !== "absent" && is !== "ended";
  const item = (value, label, kind = "") => html`<button value="${value}" class="${kind}">${label}</button>`;
  const isProject = ["short-server", "long-server", "short-client", "long-client"].includes(program.name);
  const input = (name, placeholder, type = "number") => html`<label>${text[name]} <input name="${name}" type="${type}" min="0"
    value="${choice[name]}" placeholder="${placeholder}" maxlength="1000"></label>`;
  const rust = choice.edition === "rust";
  const long = program.name === "long-client";
  fill("#menu", html`<h2><b class="of-${number}">${nameOfProgram(number)}</b> <span>${program.name}</span></h2>
    ${running ? [item("interrupt", text.ctrlC), item("kill", text.kill, "danger"),
      is === "waits" && what === "its terminal" ? item("end-input", text.ctrlD) : ""] : item("start", html`▶ ${text.start}`)}
    <h3>${text.running}</h3>${!isProject ? html`<p>${text.ownFile}</p>` : html`
    <div class="row"><span>${text.language}</span><span class="switch" role="group"><button value="rust" aria-pressed="${rust}">Rust</button
      ><button value="python" aria-pressed="${!rust}">Python</button></span></div>
    ${!rust ? html`<p>${text.onlyAddress}</p>` : number === 0 ? input("backlog", "5")
      : [input("message", long ? ["one", "two", "three", "four"][number - 1] : "i am TCP client", "text"), input("bytes", ""),
        long ? input("count", text.forever) : ""]}`}`);
}

function openMenu(number, button) {
  const menu = element("#menu"), { left, bottom, top } = button.getBoundingClientRect();
  menuOf = number;
  showMenu();
  menu.showPopover();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${bottom + height < innerHeight ? bottom + 4 : Math.max(8, top - height - 4)}px`;
}

/** Says something in the sentence's place, until something happens, or another step is shown. */
function tell(both) {
  told = { ...both, at: step };
  show();
}

/** Asks for something. What comes of it is told as an event, and so is why it is not done. */
async function ask(what, more = {}) {
  if (busy || gone) return;
  busy = true;
  const answer = await fetch("do", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ do: what, ...more }),
  }).catch(() => null);
  if (!answer?.ok) busy = false;
}

function start(number) {
  const { edition, message, bytes, count, backlog } = wanted[number] ?? {};
  const whole = text => /^\d+$/.test(text) ? Number(text) : null;
  ask("start", { who: number, edition, message, bytes: whole(bytes), count: whole(count), backlog: whole(backlog) });
}

/** Whether what a call waits for is on the wire: a handshake that has begun, or what was sent last and has not come. */
function isOnTheWire(call, what, number) {
  const { sockets } = frames[lastStep()];
  if (call === "accept") return sockets.some(({ state }) => state === "SYN_SENT" || state === "SYN_RECV");
  const last = isIt => frames.flatMap(({ segments }) => segments).findLast(isIt)?.[5] ?? {};
  const isStopped = ({ held, lost }) => Boolean(held || lost);
  if (call === "connect") return isStopped(last(([from, to, flags]) => flags.startsWith("SYN") && (from || to) === number));
  if (call !== "recv") return false;
  const { port, peer } = sockets.find(({ of, fd }) => of === number && what.startsWith(`recv(${fd},`)) ?? {};
  const from = sockets.find(other => peer && other.port === peer && other.peer === port)?.of;
  return isStopped(last(([sender, receiver, flags, , length]) =>
    sender === from && receiver === number && (length || flags.includes("FIN"))));
}

/** Lets a program, or a thread of it, do what its button shows. */
function act(number, thread) {
  if (step < lastStep()) return tell(inBoth(text => text.past(step, lastStep())));
  const side = frames[lastStep()].sides[number], own = stateOf(side);
  const state = side?.threads?.find(({ name }) => name === thread)?.state ?? own;
  if (state.is === "absent" || state.is === "ended") return start(number);
  if (state.is === "asks" && own.what === state.what) return ask("call", { who: number, asked: state.what });
  const call = state.is === "waits" ? nameOf(state.what).split(",")[0] : "other";
  const onWire = scenario.wire && isOnTheWire(call, state.what, number) && `${call}OnWire`;
  const ready = ["select", "poll", "epoll_wait"].includes(call);
  tell(inBoth(({ explain }) => ready ? explain.ready(call) : explain[onWire] ?? explain[call] ?? explain.other));
}

function chooseLive(button) {
  const [kind, number, thread, ...rest] = button.value.split("-");
  if (kind === "now") go(Infinity);
  else if (kind === "menu") openMenu(Number(number), button);
  else if (kind === "act") act(Number(number), thread);
  else if (kind === "way") decide(number, [thread, ...rest].join("-"));
}

function toLive() {
  if (live.why_not) return sayThere("", html`<span class="note">${live.why_not[language]}</span>`);
  wantsLive = true;
  if (!session.editions.live.frames.length) return show(); // and goes there once there is something
  if (!isLive()) lessonScenario = [scenario.id, edition, step];
  scenario = session;
  edition = "live";
  ({ programs, frames } = session.editions.live);
  layOut();
  reserve();
  go(Infinity);
}

function toLesson() {
  const [id, twins, at] = lessonScenario ?? [scenarios[0].id, "rust", 0];
  wantsLive = false;
  frames = null;
  choose(id, twins);
  go(at);
}

const stream = live.why_not ? null : new EventSource("events");

stream?.addEventListener("session", ({ data }) => {
  const before = setUp();
  head = JSON.parse(data);
  if (setUp() !== before) wanted = nothingWanted();
  awaited = head.events;
  busy = false;
  told = null;
  begins = true; // until its first frame comes, the old one is shown
  session.wire = head.machines !== "one";
});

stream?.addEventListener("message", ({ data }) => {
  const event = JSON.parse(data), recording = session.editions.live, isOld = awaited > 0;
  if (isOld) awaited--;
  if (event.frame && begins) {
    Object.assign(recording, { programs: [], frames: [] });
    if (isLive()) reserve();
  }
  if (event.done) busy = false;
  if (event.ended) told = inBoth(text => text.ended);
  if (event.note) told = { ...event.note, at: step };
  Object.assign(sources, event.sources);
  const wasNow = isLive() && (isOld || !recording.frames.length || step >= recording.frames.length - 1);
  const grows = event.programs && event.programs.length !== recording.programs.length;
  if (event.frame) {
    begins = false;
    if (event.done) told = null;
    recording.frames[event.step] = Object.assign(event.frame, { at: event.time });
    if (event.programs) recording.programs = event.programs;
    for (const frame of grows ? recording.frames : [event.frame]) {
      while (frame.sides.length < recording.programs.length) frame.sides.push({ new: "", at: [], did: [] });
    }
    (event.met ?? []).forEach((at, index) => at !== null && reached.add(live.challenges[index].title.en));
    memory.set("goals", [...reached]);
    if (isReached(goal) && event.frame.met?.length) goal = goalAfter(goal);
  }
  if (awaited) return; // all that is old is drawn once
  if (wantsLive && !isLive()) return toLive();
  if (!isLive()) return;
  const isWider = programs.length !== recording.programs.length;
  ({ programs, frames } = recording);
  if (isWider) layOut();
  if (event.frame && wasNow) go(Infinity);
  else if (frames.length) show();
});

stream?.addEventListener("open", () => { gone = false; });
stream?.addEventListener("error", () => {
  gone = true;
  busy = false;
  if (isLive() && frames.length) show();
});

on("#place", "click", ({ target }) => target.value === "live" ? toLive() : target.value && isLive() && toLesson());
on("#take-over", "click", takeOver);
on("#hand", "submit", event => {
  event.preventDefault();
  const who = Number(event.target.dataset.who);
  ask("type", { who, line: event.target.querySelector("input").value });
  typed[who] = "";
});
on("#hand", "input", ({ target }) => { typed[Number(target.form.dataset.who)] = target.value; });
on("#goals", "toggle", ({ newState }) => {
  if (newState !== "open") return;
  showGoals();
  element("#goals .here").scrollIntoView({ block: "center" });
});
on("#goals", "click", ({ target }) => {
  const { value } = target.closest("button") ?? {};
  if (value === undefined) return;
  if (value === "anew") {
    setUpFor(goal);
    element("#goals").hidePopover();
  } else setGoal(value === "next" ? goalAfter(goal) : Number(value));
});
on("#pairs", "click", ({ target }) => {
  const { value } = target.closest("button") ?? {};
  if (!value) return;
  element("#pairs").hidePopover();
  if (value === "save") location.assign("save");
  else if (value === "back") ask("back");
  else if (value in MACHINES) anew(pairNow(), MACHINES[value]);
  else anew(value, MACHINES[machinesNow() === "one" ? "one" : "two"]);
});
on("#menu", "toggle", ({ newState }) => { if (newState === "closed") menuOf = null; });
on("#menu", "click", ({ target }) => {
  const { value } = target.closest("button") ?? {}, number = menuOf;
  if (!value) return;
  if (value === "rust" || value === "python") {
    wanted[number].edition = value;
    return showMenu();
  }
  element("#menu").hidePopover();
  if (value === "start") start(number);
  else ask(value, { who: number });
});
on("#menu", "input", ({ target }) => { wanted[menuOf][target.name] = target.value; });
on("#menu", "keydown", event => {
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  event.preventDefault(); // or it would also press the button that has the focus then
  const number = menuOf;
  element("#menu").hidePopover();
  element(`#hand [value^=act-${number}]`)?.focus();
});

function takeOver() {
  if (live.why_not || isLive() || first) return;
  ask("take-over", { scenario: scenario.id, edition, step });
  toLive();
}

addEventListener("keydown", event => {
  const { code, repeat } = event;
  if (repeat || !isForPage(event)) return;
  if (code === "KeyN" && isLive()) setGoal(goalAfter(goal));
  if (code === "KeyT") takeOver();
});

{
  const [, id] = opened.slice(1).split("/");
  if (live.why_not) show();
  else if (!id || id === "live") toLive();
  else show();
}
