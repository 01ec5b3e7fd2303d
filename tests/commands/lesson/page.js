// Shows one step of one recording. Which one, the address tells: #LANGUAGE/SCENARIO/STEP, and
// /python behind it for the twins.

"use strict";

const { scenarios, sources } = JSON.parse(document.getElementById("data").textContent);

// The other pages stand beside this one in docs/. One that `cargo lesson` has put elsewhere finds
// them from target/ only.
const folder = location.pathname.split("/").at(-2);
const docs = folder === "target" ? "../docs/" : folder === "docs" || location.protocol !== "file:" ? "" : null;

const WORDS = {
  en: {
    title: "TCP, step by step",
    scenario: "scenario", edition: "language of the programs", language: "language of the page",
    experiment: number => `experiment ${number}`, glossary: "glossary", glossaryPage: "glossary.md",
    back: "one step back", step: "step", forward: "one step forward", programs: "program shown",
    server: "server", client: "client", terminal: "terminal", absent: "not running",
    waits: "waits", waitsIn: "waits in ", next: "next", nextIs: "next: ", comma: ", ",
    kernel: "the kernel, between them", segments: "segments", to: "to", gone: "no socket left",
    descriptor: "descriptor", queued: "in the accept queue", unowned: "no program has it",
    acceptQueue: "accept queue", receiveQueue: "receive queue", empty: ": empty",
    bytes: " bytes", characters: " characters",
    states: {
      CLOSED: "not connected", SYN_SENT: "no answer yet", FIN_WAIT_2: "waits for the peer’s FIN",
      CLOSE_WAIT: "FIN has come, not closed yet", TIME_WAIT: "kept for a minute",
    },
  },
  zh: {
    title: "一步步看懂 TCP",
    scenario: "场景", edition: "程序的语言", language: "页面的语言",
    experiment: number => `实验 ${number}`, glossary: "术语表", glossaryPage: "glossary.zh-CN.md",
    back: "后退一步", step: "步骤", forward: "前进一步", programs: "显示的程序",
    server: "服务器", client: "客户端", terminal: "终端", absent: "未运行",
    waits: "阻塞", waitsIn: "阻塞于 ", next: "下一步", nextIs: "下一步：", comma: "，",
    kernel: "内核", segments: "报文段", to: "到", gone: "套接字已不存在",
    descriptor: "描述符", queued: "在全连接队列中", unowned: "不属于任何程序",
    acceptQueue: "全连接队列", receiveQueue: "接收队列", empty: "：空",
    bytes: " 字节", characters: " 个字符",
    states: {
      CLOSED: "未连接", SYN_SENT: "尚无回应", FIN_WAIT_2: "等待对端的 FIN",
      CLOSE_WAIT: "已收到 FIN，自己尚未关闭", TIME_WAIT: "还要保留一分钟",
    },
  },
};

// What is shown. Where there is no room for all programs, `front` is shown, and of several clients
// `client`.
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let scenario = scenarios[0];
let edition, words, programs, frames, step, front, client;

const small = matchMedia("(max-width: 900px)");
const element = selector => document.querySelector(selector);
const nameOf = call => call.split("(")[0];

/** Text that is markup. All other text is data. */
class Markup {
  constructor(text) { this.text = text; }
}

/** Makes markup of a template. Each value that is not markup itself is escaped. */
function html(parts, ...values) {
  const escape = value =>
    value instanceof Markup ? value.text
      : Array.isArray(value) ? value.map(escape).join("")
        : String(value ?? "").replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
  return new Markup(String.raw({ raw: parts }, ...values.map(escape)));
}

function fill(selector, content) {
  const filled = element(selector);
  filled.innerHTML = html`${content}`.text;
  return filled;
}

/** Cuts what is too long to be read, and says how long it is. */
function shorten(text, most, length, unit) {
  if (text.length <= most && text.length >= length) return text;
  return html`${[...text].slice(0, most - 10).join("")}… <i>${length.toLocaleString("en")}${unit}</i>`;
}

function nameOfProgram(number) {
  return number === 0 ? words.server : programs.length === 2 ? words.client : `${words.client} ${number}`;
}

/** The lines of a program's code. Clients that run the same code share it. */
function code(number, frame) {
  const { source } = programs[number];
  const { lines, first } = sources[source];
  const runs = other => programs[other].source === source && (other > 0) === (number > 0);
  const running = [...programs.keys()].filter(runs);
  const classes = lines.map(() => []), tags = lines.map(() => []);
  const mark = (line, kind, program, text) => {
    classes[line]?.push(kind);
    tags[line]?.push(html`<b class="${kind} of-${program}">${running.length > 1 ? `${program} ` : ""}${text}</b>`);
  };
  for (const program of running) {
    for (const [line, call, result] of frame.sides[program].did) {
      const name = nameOf(call), shown = new RegExp(`\\b${name}\\(`).test(lines[line]) ? "" : `${name} `;
      const kind = result.startsWith("-1") ? "failed" : "did";
      mark(line, kind, program, shown + (result ? `= ${result.split(" ")[0]}` : "✓"));
    }
    for (const [line, kind] of frame.sides[program].at) {
      mark(line, kind, program, kind === "blocked" ? words.waits : words.next);
    }
  }
  return lines.map((line, index) => {
    const [, indent, text, comment] = line.match(/^(\s*)(.*?)(\s+(?:\/\/|#) .*)?$/);
    return html`<div class="${classes[index].join(" ")}"><i>${first + index}</i
      ><span style="--indent:${indent.length}">${text || " "}</span
      ><em><span>${comment}</span></em>${tags[index]}</div>`;
  });
}

/** A program's name, the calls that it waits in, and the one that is next. */
function codeTitle(number, frame) {
  const clients = programs.length - 1;
  const told = number === 0 ? [0] : clients === 2 ? [1, 2] : [number];
  const status = told.map(program => {
    const calls = frame.sides[program].at.map(([, kind, call], index) => [
      index > 0 ? words.comma : "",
      html`<span class="${kind}">${kind === "blocked" ? words.waitsIn : words.nextIs}${nameOf(call)}</span>`,
    ]);
    const who = number && clients > 1 ? html`<b class="of-${program}">${program}</b> ` : "";
    return [who, calls.length ? calls : words.absent, " "];
  });
  const color = number && clients > 1 ? "" : `of-${number}`;
  return html`<b class="${color}">${programs[number].name}</b> <span>${status}</span>`;
}

/** What a terminal shows at this step, without the questions that have been answered. */
function terminal(number) {
  const texts = frames.slice(0, step + 1).map(frame => frame.sides[number].new);
  const old = texts.slice(0, -1).join("").length;
  const lines = texts.join("").split("\n");
  let end = -1;
  return lines.map((line, index) => {
    const last = index === lines.length - 1;
    end += line.length + 1;
    const text = last ? line : line.replace(/^next: .*?\[Enter\] ?/, "");
    if (!text && (last || line)) return "";
    const kind = /^\$/.test(text) ? "prompt"
      : /^next: /.test(text) ? "asks"
        : /^(error:|\[!\]|\w+Error\b)/.test(text) ? "failed" : "";
    const shown = shorten(text, 160, text.length, words.characters);
    return html`<span class="${kind} ${end > old ? "new" : ""} of-${number}">${shown}</span>${last ? "" : "\n"}`;
  });
}

function card(socket, before) {
  const { of, fd, state, port, rx, text = "", fin, queued } = socket;
  const was = before.find(other => ["of", "fd", "port", "peer"].every(key => other[key] === socket[key]));
  const holder = fd !== null ? html`${words.descriptor} <b>${fd}</b>` : queued ? words.queued : words.unowned;
  const clients = frames[step].sockets.filter(other => other.queued).map(other => `:${other.peer}`);
  const bytes = text.length > 16 ? `${rx.toLocaleString("en")}${words.bytes}: ${text}` : text;
  const [name, contents] =
    state === "LISTEN" ? [words.acceptQueue, clients]
      : rx !== undefined ? [words.receiveQueue, [bytes, fin ? "FIN" : ""].filter(Boolean)] : [];
  const queue = html`<p class="queue"><span>${name}${contents?.length ? "" : words.empty}</span>${
    contents?.map(content => html`<q>${content}</q>`)}</p>`;
  return html`<div class="card of-${of}">
    <p><span><b class="state ${was?.state === state ? "" : "new"}">${state}</b>
    <b>${port ? `:${port}` : ""}</b></span> <span>${holder}</span></p>
    ${name ? queue : ""}
    ${words.states[state] ? html`<p class="note">${words.states[state]}</p>` : ""}</div>`;
}

/** The server's unconnected sockets, and below them each connection's two ends, side by side. */
function sockets(frame) {
  const before = step > 0 ? frames[step - 1].sockets : frame.sockets;
  const alone = frame.sockets.filter(({ of, peer }) => of === 0 && !peer);
  const connections = new Map();
  for (const socket of frame.sockets.filter(socket => !alone.includes(socket))) {
    const { of, port, peer } = socket;
    const key = peer ? Math.max(port, peer) : 1e6 + of;
    connections.set(key, Object.assign(connections.get(key) ?? [], { [of === 0 ? 0 : 1]: socket }));
  }
  const pairs = [...connections].sort(([one], [other]) => one - other).map(([, ends]) => {
    const { peer, state } = ends[0] ?? ends[1];
    const other = peer && state !== "SYN_SENT"
      ? html`<div class="card gone"><b>:${peer}</b> ${words.gone}</div>` : html`<div></div>`;
    return html`<div class="pair ${ends[0] && ends[1] ? "connected" : ""}">${
      [0, 1].map(side => ends[side] ? card(ends[side], before) : other)}</div>`;
  });
  return [alone.map(socket => card(socket, before)), pairs];
}

/** The segments that have travelled, the newest at the bottom. */
function ladder() {
  return frames.slice(0, step + 1).flatMap(({ segments }, index) =>
    segments.map(([from, to, flags, text, length = text.length], order) => {
      const bare = flags === "ACK" && !text;
      const signals = bare || flags === "SYN ACK" ? flags : flags.replace(/ ?ACK/, "");
      const kind = [
        `of-${from || to}`, from ? "left" : "right",
        index === step ? "now" : "", bare ? "ack" : "", flags.includes("RST") ? "failed" : "",
      ];
      const data = text ? html`"${shorten(text, 26, length, words.bytes)}" ` : "";
      return html`<li class="${kind.join(" ")}" data-step="${index}" style="--order:${order}"><span><span
        class="unseen">${nameOfProgram(from)} ${words.to} ${nameOfProgram(to)}: </span>${data}${signals}</span></li>`;
    }));
}

function lanes() {
  return frames.map(({ who, call }, index) => who === null ? "" :
    html`<span class="of-${who} ${index <= step ? "past" : ""}" style="grid-area:${who + 1}/${index + 1}">${
      call === "kill" ? "Ctrl-C" : nameOf(call)}</span>`);
}

/** What a step is about, who acts in front: by the sentence's own first words, or else by a label.
 * What stands between backticks is code. */
function sentence(frame) {
  const { who } = frame, text = frame[language];
  const name = who === null ? "" : nameOfProgram(who);
  const [begins] = text.match(new RegExp(`^(The )?${name}`, "i")) ?? [""];
  const label = begins ? html`<b class="of-${who}">${begins}</b>`
    : name && html`<b class="label of-${who}">${name}</b> `;
  const parts = text.slice(begins.length).split("`");
  return [label, parts.map((part, index) => index % 2 === 1 ? html`<code>${part}</code>` : part)];
}

/** Makes the panels of a recording. From step to step they stay, and are filled anew. */
function layOut() {
  const panel = (id, kind) => html`<section id="${id}" class="panel ${kind}"><h2></h2><pre></pre></section>`;
  const terminals = programs.map((_, number) => panel(`terminal-${number}`, "terminal"));
  const tabs = programs.map((_, number) => html`<button value="${number}"></button>`);
  fill("main", html`${panel("code-0", "code")}
    <section id="kernel" class="panel"><h2></h2><div id="sockets"></div><ol id="ladder"></ol></section>
    ${panel("code-1", "code")}${terminals[0]}
    <div id="clients"><div id="tabs" role="group">${tabs}</div>${terminals.slice(1)}</div>`);
  element("main").className = programs.length > 3 ? "many" : programs.length > 2 ? "three" : "";
  element("nav").className = frames.length > 22 ? "dense" : "";
  element("nav").style = `--steps:${frames.length};--lanes:${programs.length}`;
}

function showControls() {
  const last = frames.length - 1;
  document.documentElement.lang = language;
  document.title = `${scenario.title[language]} · ${words.title}`;
  fill("h1", words.title);
  const options = scenarios.map(({ id, title }) => html`<option value="${id}">${title[language]}</option>`);
  fill("#scenario", options).value = scenario.id;
  element("#edition").hidden = Object.keys(scenario.editions).length === 1;
  for (const button of document.querySelectorAll(".switch button")) {
    button.ariaPressed = button.value === edition || button.value === language;
  }
  fill("#experiment", words.experiment(scenario.experiment)).hidden = docs === null || !scenario.anchor;
  element("#experiment").href = docs + scenario.anchor?.[language];
  fill("#glossary", words.glossary).hidden = docs === null;
  element("#glossary").href = docs + words.glossaryPage;
  fill("#count", `${step} / ${last}`);
  for (const id of ["scenario", "edition", "language", "back", "step", "forward"]) {
    element(`#${id}`).ariaLabel = words[id];
  }
  fill("#names", programs.map((_, number) => html`<span class="of-${number}">${nameOfProgram(number)}</span>`));
  fill("#lanes", lanes());
  Object.assign(element("#step"), { max: last, value: step, ariaValueText: `${step} / ${last}` });
  element("#back").disabled = step === 0;
  element("#forward").disabled = step === last;
  fill("#all-steps", frames.map((frame, index) => html`<li value="${index}">${sentence(frame)}</li>`));
}

function show() {
  words = WORDS[language];
  const frame = frames[step];
  showControls();
  fill("#sentence", sentence(frame)).className = frame.unexpected ? "unexpected" : "";
  for (const [side, number] of [0, client].entries()) {
    fill(`#code-${side} h2`, codeTitle(number, frame));
    fill(`#code-${side} pre`, code(number, frame));
    element(`#code-${side}`).classList.toggle("behind", (side > 0) !== (front > 0));
  }
  for (const number of programs.keys()) {
    const name = nameOfProgram(number), panel = `#terminal-${number}`;
    fill(`${panel} h2`, html`<b class="of-${number}">${words.terminal} ${number + 1}</b> <span>${name}</span>`);
    fill(`${panel} pre`, terminal(number));
    element(panel).classList.toggle("behind", number !== front);
    element(panel).classList.toggle("other", number > 0 && number !== client);
    fill(`#tabs [value="${number}"]`, name).ariaPressed = number === (small.matches ? front : client);
  }
  fill("#kernel h2", html`<b class="of-0">${words.server}</b><span>${words.kernel}</span
    ><b class="${programs.length === 2 ? "of-1" : ""}">${words.client}</b>`);
  fill("#sockets", sockets(frame));
  fill("#ladder", ladder()).ariaLabel = words.segments;
  element("#tabs").ariaLabel = words.programs;
  scroll();
  history.replaceState(null, "", `#${language}/${scenario.id}/${step}${edition === "python" ? "/python" : ""}`);
}

/** Brings into view the line and the socket that matter, and the end of what grows. */
function scroll() {
  for (const box of document.querySelectorAll(".code pre, #sockets")) {
    const done = [...box.querySelectorAll(".did, .failed, .card:has(.new)")].at(-1);
    const own = `.card.of-${frames[step].who ?? client}`;
    const target = done ?? box.querySelector(`.blocked, .next, ${own}`) ?? box.firstElementChild;
    if (!target) continue;
    const [outer, inner] = [box, target].map(shown => shown.getBoundingClientRect());
    const above = inner.top - outer.top, below = outer.bottom - inner.bottom;
    if (Math.min(above, below) < 0) box.scrollTop += (above - below) / 2;
  }
  for (const box of document.querySelectorAll(".terminal pre, #ladder")) {
    box.scrollTop = box.scrollHeight;
    box.classList.toggle("cut", box.scrollTop > 0);
  }
}

/** Goes to a step, and brings the programs to the front that it is about. */
function go(wanted) {
  step = Math.min(Math.max(wanted, 0), frames.length - 1);
  const numbers = [...programs.keys()];
  const clientOf = ({ who, sides }) => who || numbers.find(number => number > 0 && sides[number].new);
  client = frames.slice(0, step + 1).map(clientOf).findLast(Boolean) ?? 1;
  const { who, sides } = frames[step];
  front = who ?? numbers.find(number => sides[number].new) ?? 0;
  show();
}

/** Chooses a scenario, and of its recordings the wanted one if there is such. */
function choose(id, wanted) {
  scenario = scenarios.find(scenario => scenario.id === id) ?? scenario;
  edition = wanted in scenario.editions ? wanted : Object.keys(scenario.editions)[0];
  ({ programs, frames } = scenario.editions[edition]);
  layOut();
}

function followAddress() {
  const [wanted, id, number, twins] = location.hash.slice(1).split("/");
  if (wanted in WORDS) language = wanted;
  choose(id, twins ?? "rust");
  go(parseInt(number) || 0);
}

const on = (selector, event, action) => element(selector).addEventListener(event, action);
on("#back", "click", () => go(step - 1));
on("#forward", "click", () => go(step + 1));
on("#step", "input", ({ target }) => go(Number(target.value)));
on("#scenario", "change", ({ target }) => {
  if (!target.matches(":focus-visible")) target.blur(); // after a click the arrow keys are for steps
  choose(target.value, edition);
  go(0);
});
on("#edition", "click", ({ target }) => {
  choose(scenario.id, target.value || edition);
  go(step);
});
on("#language", "click", ({ target }) => {
  language = target.value || language;
  show();
});
on("main", "click", ({ target }) => {
  const segment = target.closest("[data-step]"), tab = target.closest("#tabs button");
  if (segment) go(Number(segment.dataset.step));
  if (!tab) return;
  front = Number(tab.value);
  client = front || client;
  show();
});
addEventListener("keydown", event => {
  const moves = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity, End: Infinity };
  const taken = event.altKey || event.ctrlKey || event.metaKey || event.target.id === "scenario";
  if (taken || !(event.key in moves)) return;
  event.preventDefault();
  go(step + moves[event.key]);
});
addEventListener("hashchange", followAddress);
addEventListener("resize", scroll);
small.addEventListener("change", show);
followAddress();
