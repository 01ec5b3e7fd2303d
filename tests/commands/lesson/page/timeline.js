// All steps: a lane for each program, and a slider over them.

/** What a step is, in two words: who, and which call. */
function nameOfStep({ who, call }) {
  return who === null || !call ? "" : call === "kill" ? "Ctrl-C" : nameOf(call);
}

/** The steps at which a program starts. */
function chapters() {
  return frames.flatMap((frame, index) =>
    index === 0 || frame.sides.some(side => /\$ .*\S/.test(side.new.split("\n")[0]) || /\n\$ \S/.test(side.new)) ? [index] : []);
}

/** What becomes of whatever travels to the server (0), or to the clients (1), in a frame. */
const fateIn = ({ wire }, way) => wire?.[way]?.fate ?? "deliver";

/** Where something happened on the wire, or was decided about it. Where steps are many, one mark each. */
function wireMarks() {
  const fates = frame => [0, 1].map(way => fateIn(frame, way)).join();
  return frames.map((frame, index) => {
    const extras = frame.segments.map(([, , , , , extra]) => extra ?? {});
    const marks = [
      extras.some(extra => extra.lost) ? html`<b class="failed">✕</b>` : "",
      extras.some(extra => extra.held) ? html`<b class="waiting">‖</b>` : "",
      extras.some(extra => extra.again) ? html`<b class="waiting">↻</b>` : "",
    ].filter(Boolean);
    if (!marks.length && index && fates(frame) !== fates(frames[index - 1])) marks.push(html`<i>⇄</i>`);
    return marks.slice(0, small.matches || frames.length > 2 * MOST_NAMES ? 1 : marks.length);
  });
}

/** How many steps have a name each, and how many a cell. The lanes of more are drawings. */
const MOST_NAMES = 22, MOST_CELLS = 100;

/** All steps in their lanes. While a question stands, those that are still to come are silent. */
function lanes(wire) {
  const cell = (index, row) => html`<span class="cell of-${frames[index].who} ${index <= step ? "past" : ""} ${
    index === step ? "present" : ""} ${index > frames.length * .95 ? "late" : ""}" style="grid-area:${row}/${index + 1}">${nameOfStep(frames[index])}</span>`;
  const rows = [...programs.keys()].map(number => {
    const row = number + (wire ? 2 : 1);
    const its = [...frames.keys()].filter(index => frames[index].who === number && !isSilent(index));
    if (frames.length <= MOST_CELLS) return its.map(index => cell(index, row));
    const blocks = indexes => indexes.map(index => `M${index} 0h.8v1h-.8z`).join("");
    return html`<svg class="of-${number}" style="grid-row:${row}" viewBox="0 0 ${frames.length} 1" preserveAspectRatio="none"
      ><path d="${blocks(its.filter(index => index <= step))}"/><path class="future" d="${
      blocks(its.filter(index => index > step))}"/></svg>${its.includes(step) ? cell(step, row) : ""}`;
  });
  const marks = wire && wire.map((marks, index) => marks.some(Boolean) && !isSilent(index)
    ? html`<span class="marks" style="grid-area:1/${index + 1}">${marks}</span>` : "");
  const begins = frames.length > MOST_NAMES && chapters().map(index =>
    html`<i class="chapter" style="grid-column:${index + 1}"></i>`);
  return [begins || "", marks || "", rows, askMarks()];
}

function isSilent(number) {
  return asking && number > step;
}

function showTimeline() {
  const last = frames.length - 1, all = wireMarks(), wire = (scenario.wire || all.some(marks => marks.some(Boolean))) && all;
  fill("#names", [wire ? html`<span class="wire">${words.wire}</span>` : "",
    programs.map((_, number) => html`<span class="of-${number}">${nameOfProgram(number)}</span>`)]);
  fill("#lanes", lanes(wire));
  const timeline = element("#timeline");
  timeline.className = frames.length > MOST_CELLS ? "dense map" : frames.length > MOST_NAMES ? "dense" : "";
  element("nav").style = `--steps:${frames.length};--lanes:${programs.length + (wire ? 1 : 0)}`;
  const now = frames[step], { who } = now;
  const text = `${step} / ${last}${who === null ? "" : `, ${nameOfProgram(who)}: ${nameOfStep(now)}`}`;
  Object.assign(element("#step"), { max: last, value: step, ariaLabel: words.step, ariaValueText: text });
}

/** Names the call of a step in its lane. */
function markPointed(pointed) {
  for (const cell of document.querySelectorAll("#lanes .cell")) {
    cell.classList.toggle("pointed", Number(cell.style.gridColumnStart) === pointed + 1);
  }
}

/** Says which step the pointer is on. */
function pointAt({ clientX }) {
  const { left, width } = element("#lanes").getBoundingClientRect();
  const pointed = Math.min(Math.max(Math.floor((clientX - left) / width * frames.length), 0), frames.length - 1);
  const { who } = frames[pointed];
  markPointed(pointed);
  element("#step").title = `${pointed}${who === null || isSilent(pointed) ? "" : ` · ${nameOfProgram(who)}: ${nameOfStep(frames[pointed])}`}`;
}
