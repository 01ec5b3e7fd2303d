// The programs: what each does now, its code with the marks of this step, and its terminal.

const nameOf = call => call.split("(")[0];

/** Whether what a program waits in or asks for is a call, and not a thing, such as another thread. */
const isCall = what => what.includes("(");

/** Whether clients have numbers: one alone needs none, unless more may come. */
const areNumbered = () => programs.length > 2 || scenario.editions[edition].numbered;

function nameOfProgram(number) {
  return number === 0 ? words.server : areNumbered() ? `${words.client} ${number}` : words.client;
}

/** The source that a program runs in a frame. */
const sourceOf = (number, frame) => frame.sides[number].source ?? programs[number].source;

/** A program's name in its colour; of several clients each has its number. */
function badge(number) {
  return number && areNumbered() ? html`<b class="number of-${number}">${number}</b>` : "";
}

/** What a program or thread does now, in words. Its kind is the class of its colour. */
function state({ is, what = "" }, short = what.length > [0, 30, 30, 14, 0][Math.min(programs.length, 4)]) {
  const detail = short && is !== "ended" ? nameOf(words.detail(what)) : words.detail(what);
  const text = {
    asks: words.asks(detail), waits: words.waits(detail), runs: words.runs,
    stopped: words.stopped, ended: words.ended(detail),
  }[is] ?? words.absent;
  const shown = isCall(what) && text.endsWith(detail)
    ? html`<span class="word">${text.slice(0, -detail.length)}</span>${detail}` : text;
  return html`<span class="is-${is}" title="${text}">${shown}</span>`;
}

/** The state of a program, of which a frame says nothing before it is started. */
const stateOf = side => side?.state ?? { is: "absent" };

/** What each thread of a program does now, where there are several. */
function threads(side) {
  const all = side.threads ?? [];
  return all.map(({ name, state: now }) =>
    html`<span><i>${words.thread(name, all.length > 2)}</i> ${state(now, true)}</span>`);
}

/** The marks that a frame's programs set into the code they share: by line, each with its kind. */
function marks(running, frame) {
  const found = new Map();
  const add = (line, kind, program, text, own) => {
    const tags = found.get(line) ?? [], same = tags.find(tag => tag.kind === kind && tag.text === text);
    if (same) Object.assign(same, { of: [...same.of, program], own: same.own || own });
    else tags.push({ kind, of: [program], text, own });
    found.set(line, tags);
  };
  for (const program of running) {
    const { did, at, raised } = frame.sides[program];
    const { lines } = sources[sourceOf(program, frame)];
    for (const [line, call, result] of did) {
      const name = nameOf(call), shown = new RegExp(`\\b${name}\\(`).test(lines[line]) ? "" : `${name} `;
      const failed = result.startsWith("-1") && !/in progress|temporarily unavailable/.test(result);
      add(line, failed ? "failed" : "did", program, shown + (result ? `= ${result.split(" ")[0]}` : "✓"));
    }
    for (const [line, kind, call] of at) {
      const own = program === frame.who && nameOf(call) === frame.call;
      add(line, kind, program, kind === "blocked" ? words.waiting : words.next, own);
    }
    if (raised !== undefined) add(raised, "failed", program, `✗ ${words.raises}`);
  }
  return found;
}

/** Those that run a source in a frame: the server, or all of its clients. */
function runners(number, source, frame) {
  return [...programs.keys()].filter(other => sourceOf(other, frame) === source && (other > 0) === (number > 0));
}

/** How much room marks take, in characters. */
const widthOf = (tags, running) => tags.reduce((sum, { text, of }) =>
  sum + 1.4 + text.length * (/[^ -~✓]/.test(text) ? 1.8 : 1) + (running.length > 1 ? of.length * 2.2 : 0), 0);

/** How much room its marks take in each line that ever has any. */
let roomOf = (number, source) => {
  const room = new Map();
  for (const frame of frames) {
    const running = runners(number, source, frame);
    for (const [line, tags] of marks(running, frame)) widen(room, [[line, widthOf(tags, running)]]);
  }
  return room;
};

/** Makes room for what takes more. */
function widen(room, more) {
  for (const [line, width] of more) room.set(line, Math.max(room.get(line) ?? 0, width));
  return room;
}

/** The lines of a program's code. Clients that run the same code share it. A line's text leaves room
 * for all marks that it ever gets, so that it never moves. */
function code(number) {
  const source = sourceOf(number, shownFrame());
  const { lines, first } = sources[source];
  const running = runners(number, source, shownFrame()), several = running.length > 1;
  const room = roomOf(number, source);
  const now = marks(running, shownFrame());
  return lines.map((line, index) => {
    const [, indent, text, comment] = line.match(/^(\s*)(.*?)(\s+(?:\/\/|#) .*)?$/);
    const tags = (now.get(index) ?? []).filter(({ kind }) => kind !== "next" || !asking);
    const own = tags.some(({ kind, own }) => kind === "blocked" && own);
    return html`<div class="${tags.map(({ kind }) => kind).join(" ")}" data-own="${own}"><i>${first + index}</i
      ><span style="--indent:${indent.length};--room:${room.get(index) ?? 0}">${breakable(text || " ")}</span
      ><em style="--room:${widthOf(tags, running)}"><span>${comment}</span></em><u>${tags.map(tag => html`<b class="${tag.kind} of-${tag.of[0]}">${
        several ? tag.of.map(program => html`<s class="of-${program}">${program}</s> `) : ""}${tag.text}</b>`)}</u></div>`;
  });
}

/** How many lines of a terminal are shown. What it printed before stands at an earlier step. */
const MOST_LINES = 50;

/** A line of code that is too long breaks before a dot or behind a bracket, not within a name. */
function breakable(text) {
  const parts = text.split(/(?<=\()(?!\))|(?=\.)/);
  return parts.map((part, index) => index ? html`<wbr>${part}` : part);
}

/** What a terminal shows at this step, without the questions that have been answered. */
function terminal(number) {
  const texts = [];
  for (let at = shownStep(), count = 0; at >= 0 && count <= MOST_LINES; at--) {
    texts.unshift(frames[at].sides[number].new);
    count += texts[0].split("\n").length - 1;
  }
  const old = texts.slice(0, -1).join("").length;
  const lines = texts.join("").split("\n");
  let end = -1;
  return lines.map((line, index) => {
    const last = index === lines.length - 1;
    end += line.length + 1;
    const text = last ? (asking ? line.replace(/^next: .*/, "") : line) : line.replace(/^next: .*?\[Enter\] ?/, "");
    if (!text && (last || line)) return "";
    const kind = /^\$/.test(text) ? "prompt"
      : /^next: /.test(text) ? "asks"
        : /^(error:|\[!\]|\w+Error\b)/.test(text) ? "failed" : "";
    return html`<span class="${kind} ${end > old ? "new" : ""} of-${number}">${printed(text)}</span>${last ? "" : "\n"}`;
  }).slice(-MOST_LINES);
}

/** A printed line. Of a long message its own length is said, without the mark in front. */
function printed(line) {
  const [, mark, message] = line.match(/^(\[\*\] Received: )(.*)$/) ?? [];
  if (!message) return shorten(line, 320, line.length, words.characters);
  return [mark, shorten(message, 120, new TextEncoder().encode(message).length, words.bytes)];
}
