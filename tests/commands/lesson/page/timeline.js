// All steps: a lane for each program, and a slider over them.

/** What a step is, in two words: who, and which call. */
function nameOfStep({ who, call }) {
  return who === null || who === undefined || !call ? "" : call === "kill" ? "Ctrl-C" : nameOf(call);
}

/** The steps at which a program starts. */
function chapters() {
  return frames.flatMap((frame, index) =>
    index === 0 || frame.sides.some(side => /\$ .*\S/.test(side.new.split("\n")[0]) || /\n\$ \S/.test(side.new)) ? [index] : []);
}

/** Where something happened on the wire. */
function wireMarks() {
  return frames.map(({ segments }) => {
    const extras = segments.map(([, , , , , extra]) => extra ?? {});
    const again = extras.filter(extra => extra.again).length;
    return [
      extras.some(extra => extra.lost) ? html`<b class="failed">✕</b>` : "",
      extras.some(extra => extra.held) ? html`<b class="waiting">‖</b>` : "",
      again ? html`<b class="waiting">↻${again > 1 ? again : ""}</b>` : "",
    ];
  });
}

/** All steps in their lanes. While a question stands, those that are still to come are silent. */
function lanes() {
  const all = wireMarks(), first = all.some(marks => marks.some(Boolean)) ? 1 : 0;
  const wire = all.map((marks, index) => isSilent(index) ? [] : marks);
  const rows = [...programs.keys()].map(number => frames.map((frame, index) => frame.who !== number || isSilent(index) ? "" :
    html`<span class="cell of-${number} ${index <= step ? "past" : ""} ${index === step ? "present" : ""}" style="grid-area:${
      number + 1 + first}/${index + 1}">${nameOfStep(frame)}</span>`));
  const marks = first ? wire.map((marks, index) => html`<span class="marks" style="grid-area:1/${index + 1}">${marks}</span>`) : "";
  const begins = frames.length > 22 ? chapters().map(index =>
    html`<i class="chapter" style="grid-column:${index + 1}"></i>`) : "";
  return [begins, marks, rows, askMarks()];
}

function isSilent(number) {
  return asking && number > step;
}

function showTimeline() {
  const last = frames.length - 1, wire = wireMarks().some(marks => marks.some(Boolean));
  fill("#names", [wire ? html`<span class="wire">${words.wire}</span>` : "",
    programs.map((_, number) => html`<span class="of-${number}">${nameOfProgram(number)}</span>`)]);
  fill("#lanes", lanes());
  const timeline = element("#timeline");
  timeline.className = frames.length > 100 ? "dense map" : frames.length > 22 ? "dense" : "";
  element("nav").style = `--steps:${frames.length};--lanes:${programs.length + (wire ? 1 : 0)}`;
  const now = frames[step], who = now.who ?? null;
  const text = `${step} / ${last}${who === null ? "" : `, ${nameOfProgram(who)}: ${nameOfStep(now)}`}`;
  Object.assign(element("#step"), { max: last, value: step, ariaLabel: words.step, ariaValueText: text });
}

/** Says which step the pointer is on. */
function pointAt({ clientX }) {
  const { left, width } = element("#lanes").getBoundingClientRect();
  const pointed = Math.min(Math.max(Math.floor((clientX - left) / width * frames.length), 0), frames.length - 1);
  const { who } = frames[pointed];
  element("#step").title = `${pointed}${who === null || isSilent(pointed) ? "" : ` · ${nameOfProgram(who)}: ${nameOfStep(frames[pointed])}`}`;
}
