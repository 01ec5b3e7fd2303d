// The kernel between the programs: its sockets with their queues, and the segments that have travelled.

/** Who holds a socket, or why nobody does. */
function holder({ fd, queued, state }) {
  return fd !== null ? html`<span>${words.descriptor} <b>${fd}</b></span>`
    : html`<span>${queued ? words.queued : state === "SYN_RECV" ? words.shakes : words.unowned}</span>`;
}

/** What the kernel waits for, or else what the state means, or else the address where it is not the usual
 * one. Beside "in the accept queue" there is no room; a FIN stands in the receive queue. */
function note({ state, timer, address, queued, peer }) {
  if (queued) return "";
  if (state === "CLOSED" && peer) return words.over;
  const [kind, seconds] = timer ?? [];
  // That it asks a silent peer in a minute says less than the state.
  if (!timer || kind === "keepalive" && words.states[state]) return words.states[state] ?? address ?? "";
  return html`<span class="timer" data-kind="${kind}" data-seconds="${seconds}">${timerText(kind, seconds)}</span>`;
}

function timerText(kind, seconds) {
  return words.timers[kind]?.(seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)) ?? kind;
}

function isNew(socket, before) {
  const was = before.find(other => ["of", "fd", "port", "peer"].every(key => other[key] === socket[key]));
  return was?.state === socket.state ? "" : "new";
}

const place = ({ port }) => port ? `:${port}` : "";

/** A socket that is not connected, in one line. A listening one with its accept queue. */
function single(socket, frame, before) {
  const { of, state, queue, room, kind } = socket;
  // Where several listen on one port, a client says in whose queue it waits.
  const waiting = frame.sockets.filter(other =>
    other.queued && other.port === socket.port && (other.listener ?? socket.fd) === socket.fd);
  const full = room !== undefined && queue >= room;
  const slots = waiting.map(({ peer }) => {
    const client = frame.sockets.find(other => other.of > 0 && other.port === peer)?.of ?? "";
    return html`<q class="of-${client}" title=":${peer}">${client && programs.length > 2 ? client : `:${peer}`}</q>`;
  });
  const accepts = html`<span class="accepts ${full ? "full" : ""}">${words.acceptQueue} ${slots}<b>${
    queue}</b>${room === undefined ? "" : html` / ${room}`}${full ? ` ${words.full}` : ""}</span>`;
  return html`<div class="card single of-${of}"><p><span><b class="state ${isNew(socket, before)}">${
    kind ? kind.toUpperCase() : state}</b> ${badge(of)}<b>${socket.address?.replace(/.*:.*/, "[$&]")}${place(socket)}</b></span>${
    state === "LISTEN" ? accepts : html`<span>${kind ? "" : note(socket)}</span>`}${holder(socket)}</p></div>`;
}

/** One direction's queue at one end; `full` says why it takes no more. While a question stands, only how
 * much is in it: what a `recv` returns may be the question. */
function queue(name, bytes, text, { fin, full = "" }) {
  const contents = [
    bytes && asking ? html`<q><b>${bytes.toLocaleString("en")}</b>${full ? "" : words.bytes}</q>` : "",
    bytes && !asking ? html`<q>${full || text.length < bytes || bytes > 16 ? html`<b>${bytes.toLocaleString("en")}</b>` : ""} ${full ? "" : text}</q>` : "",
    fin ? html`<q>FIN</q>` : "",
  ];
  const empty = !bytes && !fin;
  return html`<p class="queue ${empty ? "empty" : "has"} ${full ? "full" : ""}"><span>${name}</span><span>${contents}${
    full ? html`<em>${full}</em>` : ""}${empty ? html`<i class="unseen">${words.empty}</i>` : ""}</span></p>`;
}

/** One end of a connection. The server's receive queue stands beside the client's send queue, and the
 * other way round, so that bytes move straight across. */
function end(socket, side, before) {
  const { of, state, rx, tx = 0, text = "", tx_text = "", fin, full, blocked } = socket;
  // A kernel keeps its window at 0 until there is much room, so a queue that it has closed need not be full.
  // Without a program there is no receive queue; but what has not been confirmed is still sent.
  const queues = state === "SYN_SENT" || rx === undefined && !tx ? [] : [
    rx === undefined ? html`<p class="queue empty"></p>` : queue(words.receive, rx, text, { fin, full: full && `${words.window} 0` }),
    queue(words.send, tx, tx_text, { full: blocked && words.sendWaits }),
  ];
  return html`<div class="card ${side} of-${of}">
    <p><b class="state ${isNew(socket, before)}">${state}</b><span>${badge(of)}<b>${place(socket)}</b></span></p>
    <p class="holder">${holder(socket)}<span>${note(socket)}</span></p>${side === "left" ? queues : queues.reverse()}</div>`;
}

/** Sockets in TIME_WAIT: nobody holds them, and they only wait. All stand together, several of the server's with
 * the client's port, and a single one with how long it waits. */
function past(waiting, before) {
  if (!waiting.length) return "";
  const timer = waiting.length === 1 ? note(waiting[0]) : "";
  const ofServer = waiting.filter(({ of }) => of === 0).length;
  return html`<div class="card past"><p><span><b class="state ${waiting.some(socket => isNew(socket, before)) ? "new" : ""}"
    >TIME_WAIT</b> ${waiting.map(socket => html`<span class="of-${socket.of}"><i>${
      nameOfProgram(socket.of)}</i> <b>${place(socket)}${
      socket.of === 0 && ofServer > 1 ? `→:${socket.peer}` : ""}</b></span> `)}</span><span>${timer}</span></p></div>`;
}

/** The sockets that are not connected, each connection's two ends side by side, and what is left of
 * older ones. */
function sockets(frame, before) {
  const waiting = frame.sockets.filter(({ state }) => state === "TIME_WAIT");
  const rest = frame.sockets.filter(socket => !waiting.includes(socket));
  const alone = rest.filter(({ of, peer, kind }) => kind || of === 0 && !peer);
  const connections = new Map();
  for (const socket of rest.filter(socket => !alone.includes(socket))) {
    const { of, port, peer } = socket;
    const key = peer ? Math.max(port, peer) : 1e6 + of;
    connections.set(key, Object.assign(connections.get(key) ?? [], { [of === 0 ? 0 : 1]: socket }));
  }
  const pairs = [...connections].sort(([one], [other]) => one - other).map(([, ends]) => {
    const { peer, state } = ends[0] ?? ends[1];
    const ended = waiting.some(({ port }) => port === peer);
    const other = peer && state !== "SYN_SENT" && !ended
      ? html`<div class="card gone"><p><b>:${peer}</b></p><p>${words.gone}</p></div>` : html`<div></div>`;
    const moves = ([from, to]) => frame.segments.some(([sender, receiver, , text, length]) =>
      (text || length) && (sender === 0) === (from === 0) && (sender || receiver) === (ends[1]?.of ?? ends[0].of) && to !== from);
    const both = ends[0] && ends[1];
    const gap = html`<div class="gap" aria-hidden="true">${both && ends[0].rx !== undefined ? html`<i class="${
      moves([1, 0]) ? "moves" : ""} of-${ends[1].of}">◀</i><i class="${moves([0, 1]) ? "moves" : ""} of-0">▶</i>` : ""}</div>`;
    const isBlocked = ({ of, fd }) => frame.sides[of].at.some(([, when, call]) => when === "blocked" && call.startsWith(`send(${fd},`));
    const sides = ["left", "right"].map((side, index) => ends[index]
      ? end({ ...ends[index], blocked: isBlocked(ends[index]) }, side, before) : other);
    return html`<div class="pair">${sides[0]}${gap}${sides[1]}</div>`;
  });
  const all = [alone.map(socket => single(socket, frame, before)), pairs, past(waiting, before)];
  return frame.sockets.length ? all : html`<p class="none">${words.none}</p>`;
}

/** Whether a segment carries nothing but an ACK. */
const isBare = (flags, length) => flags === "ACK" && !length;

/** The flags that are shown: an ACK only where it stands alone, or in the handshake. */
function signalsOf(flags, length) {
  return isBare(flags, length) || flags.startsWith("SYN") ? flags : flags.replace(/ ?ACK/, "");
}

/** Whether the end of a connection that a segment comes from has closed its window, as far as a frame's cards tell. */
function isClosed({ sockets }, from, client) {
  const isOfClient = ({ peer }) => sockets.some(({ of, port }) => of === client && port === peer);
  return sockets.some(socket => socket.full && socket.of === from && (from > 0 || isOfClient(socket)));
}

/** The rows of the ladder: a segment each, in the order in which they were sent or, late, have arrived. Bare ACKs are
 * marks at what they confirm, and rows only where they say something else. A handshake that is past is one row, and so
 * is what is sent again and again, with nothing in between. */
function rows(until) {
  const found = [], closed = new Set(); // whose window is closed
  let unanswered = []; // what has arrived and has not been confirmed
  frames.slice(0, until + 1).forEach((frame, index) => {
    const handshakes = frame.segments.filter(([, , flags]) => flags.startsWith("SYN")).map(([from, to]) => from || to);
    for (const [place, [from, to, flags, text, length, extra = {}]] of frame.segments.entries()) {
      const client = from || to, bare = isBare(flags, length);
      const row = { step: index, from, to, client, flags, text, length, extra, bare };
      const isAlike = other => other.from === from && other.client === client && other.text === text && other.flags === flags
        && other.length === length && other.extra.seq === extra.seq && (!bare || other.extra.ack === extra.ack);
      // What is held and then let go has a row where it arrives, too; what is held and then lost has not.
      const held = extra.late || extra.lost && !extra.again ? found.filter(other => other.extra.held && !other.letGo && isAlike(other)) : [];
      for (const other of held) {
        Object.assign(other, extra.late ? { letGo: true } : { step: index, extra: { ...other.extra, held: false, lost: true } });
      }
      if (held.length && extra.lost) continue;
      let confirmed = [];
      if (flags.includes("ACK") && !extra.lost && !extra.held) {
        confirmed = unanswered.filter(other => other.client === client && other.from !== from
          && (extra.ack === undefined || extra.ack >= other.extra.seq + other.length + other.flags.includes("FIN")));
        for (const other of confirmed) other.confirmed = index;
        unanswered = unanswered.filter(other => !confirmed.includes(other));
      }
      // On one machine there are no numbers, but cards that tell whether the window is closed.
      const way = `${from} ${client}`, later = frame.segments.slice(place + 1).some(([its, to]) => its === from && (its || to) === client);
      const closes = extra.win === undefined ? bare && !closed.has(way) && !later && isClosed(frame, from, client) : extra.win === 0;
      const opens = closed.has(way) && (extra.win > 0 || extra.win === undefined && bare && !confirmed.length);
      if (!flags.includes("RST") && (closes || opens)) row.window = closes ? 0 : extra.win ?? words.opened;
      if (row.window !== undefined) closed[closes ? "add" : "delete"](way);
      // A SYN that its sender still waits for an answer to has been dropped at the other end.
      row.dropped = flags === "SYN" && !extra.lost && !extra.held && frame.sockets.some(({ of, state }) => of === from && state === "SYN_SENT")
        && !frame.segments.some(([sender, receiver, other]) => sender === to && receiver === from && other !== "SYN");
      row.again = extra.again || flags === "SYN" && found.some(other => other.dropped && other.from === from);
      const previous = found.at(-1), follows = previous?.opens && previous.client === client && previous.step === index;
      const shakes = handshakes.includes(client) && (flags.startsWith("SYN") || bare && follows);
      row.opens = shakes && !(extra.lost || extra.held || extra.late || row.dropped || row.again);
      // A probe and its answer repeat together.
      const isOfProbe = ({ probe, answer }) => probe || answer;
      const recent = isOfProbe(extra) ? found.slice(found.findLastIndex(other => !isOfProbe(other.extra)) + 1) : found.slice(-1);
      const copy = recent.find(other => isAlike(other) && (other.again || isOfProbe(other.extra))
        && ["probe", "answer", "lost", "held", "late"].every(key => other.extra[key] === extra[key]));
      const isShown = !bare || shakes || extra.lost || extra.held || extra.late || extra.again || isOfProbe(extra)
        || row.window !== undefined || !confirmed.length || numbered && extra.seq !== undefined;
      if (row.opens && follows && flags !== "SYN" && index < until && !numbered) previous.flags += ` · ${flags}`;
      else if (copy && (row.again || isOfProbe(extra))) {
        Object.assign(copy, { step: index, count: (copy.count ?? 1) + 1, extra, dropped: row.dropped });
      } else if (isShown) found.push(row);
      if (bare || flags.includes("RST") || shakes || extra.lost || extra.held) continue;
      // Of what was sent again, the last one is confirmed.
      if (row.again) unanswered = unanswered.filter(other => !isAlike(other));
      unanswered.push(found.includes(row) ? row : copy);
    }
  });
  return found;
}

/** The line of a segment, with what stands at its head and, once it is confirmed, at its tail. */
function arrow({ from, flags, bare, extra, dropped, confirmed }, until) {
  const left = from > 0, both = flags.includes(" · ");
  const x = percent => `${left ? 100 - percent : percent}%`;
  const at = extra.lost || extra.held ? 92 : dropped ? 94 : 100;
  const sign = left ? 1 : -1;
  const triangle = direction => html`<path class="tip" d="M${-direction * 5},0 l${direction * 9},-5 v10z"/>`;
  const head = extra.lost || dropped ? html`<path class="cross" d="M-5,-5 5,5 M-5,5 5,-5"/>`
    : extra.held ? html`<path class="bars" d="M-3,-7V7 M3,-7V7"/>` : triangle(sign);
  const onward = extra.held ? html`<line class="onward" x1="${x(at)}" x2="${x(100)}" y1="50%" y2="50%"/>` : "";
  const tail = both ? triangle(-sign) : confirmed !== undefined
    ? html`<path class="tick ${confirmed === until ? "fresh" : ""}" d="M${left ? -17 : 6},0 l4,4 7,-9"/>` : "";
  return html`<svg aria-hidden="true"><line class="${bare ? "bare" : ""}" x1="${x(confirmed === undefined ? 0 : 7)}" x2="${
    x(at)}" y1="50%" y2="50%"/>${onward}<svg x="${x(at)}" y="50%">${head}</svg><svg x="${x(0)}" y="50%">${tail}</svg></svg>`;
}

/** What stands on the wire until it is let go, the oldest first. */
function heldOnes({ wire = [] }) {
  return wire.flatMap(({ held = [] }) => held).sort((one, other) => one.number - other.number);
}

/** How a segment's bytes begin, and how many they are unless that is all. */
function bytesOf(text, length, most) {
  const isAll = text && new TextEncoder().encode(text).length >= length && !text.endsWith("...");
  const shown = isAll ? text : `${[...text.replace(/\.{3}$/, "")].slice(0, most).join("")}…`;
  return [text && html`<q>"${shown}"</q>`,
    length && !isAll ? html` <span>${length.toLocaleString("en")}${words.bytes}</span>` : ""];
}

/** A segment that is held, and where it is to go. */
function heldLabel({ copies, segment: [from, , flags, text, length] }) {
  const signals = signalsOf(flags, length), data = bytesOf(text, length, 4);
  return html`${from ? "◀ " : ""}${data} ${signals}${copies > 1 ? ` ×${copies}` : ""}${from ? "" : " ▶"}`;
}

/** The wire between two machines, where something stands on it. */
function strip(frame) {
  const held = heldOnes(frame);
  return held.length ? html`<b aria-hidden="true">‖</b><span>${words.onTheWire}</span><ul>${held.map(one =>
    html`<li class="of-${one.segment[0]}">${heldLabel(one)}</li>`)}</ul>` : "";
}

/** How many segments are drawn. Those before them stand at an earlier step. */
const MOST_ROWS = 30;

/** The segments that have travelled, the newest at the bottom. */
function ladder() {
  const until = Math.max(shownStep(), -1), several = programs.length > 2;
  let order = 0;
  return rows(until).slice(-MOST_ROWS).map(row => {
    const { step, from, to, client, flags, text, length, extra, bare, dropped, again, count, confirmed } = row;
    const signs = [
      extra.lost && words.lost, extra.held && words.held, extra.late && words.late, dropped && words.dropped,
      extra.probe && words.probe + (count ? ` ×${count}` : ""), extra.answer && words.answer + (count ? ` ×${count}` : ""), again && words.again + (count ? ` ×${count}` : ""),
    ].filter(Boolean);
    const now = step === until;
    const kind = [
      `of-${from}`, now ? "now" : "", bare ? "ack" : "",
      flags.includes("RST") || extra.lost || dropped ? "failed" : "",
    ];
    const numbers = numbered && extra.seq !== undefined
      ? html`<small>seq ${extra.seq}${extra.ack === undefined ? "" : ` ack ${extra.ack}`} win ${extra.win}</small>` : "";
    const tells = row.window === undefined || !bare && row.window === 0 ? "" : `${words.window} ${row.window.toLocaleString("en")}`;
    const signals = tells && bare ? tells : signalsOf(flags, length);
    return html`<li class="${kind.join(" ")}" data-step="${step}" title="${confirmed === undefined ? "" : words.isConfirmed}" style="--order:${now ? order++ : 0}">${arrow(row, until)}
      <p><span class="unseen">${nameOfProgram(from)} ${words.to} ${nameOfProgram(to)}: </span>${bytesOf(text, length, signs.length ? 7 : 14)}${
      signals && html` <span>${signals}</span>`}${(signs.length || bare || !tells ? signs : [tells]).map(sign => html` <i class="sign">${sign}</i>`)}${
      confirmed === undefined ? "" : html`<span class="unseen">, ${words.confirmed}</span>`}</p>${numbers}${several ? html`<b class="of-${client}">${client}</b>` : ""}</li>`;
  });
}
