// Run in the page, in front of its own script: `walk` goes to addresses, clicks and presses keys, and returns
// what the page shows then, and where it shows it.
"use strict";
{
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const one = (selector, inside = document) => inside.querySelector(selector);
  const text = element => element?.textContent.replace(/\s+/g, " ").trim() ?? "";
  const place = element => element.getBoundingClientRect();
  const middle = ({ left, right }) => (left + right) / 2;
  const middleHeight = ({ top, bottom }) => (top + bottom) / 2;

  /** The text of an element without what is only for screen readers. */
  function seen(element) {
    const found = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if (!walker.currentNode.parentElement.closest(".unseen")) found.push(walker.currentNode.data);
    }
    return found.join(" ").replace(/\s+/g, " ").trim();
  }

  /** Where the parts of the page are, which must not move from step to step. */
  function layout() {
    return ["#moves", "#hand", "main", "#kernel", "#ladder", "#terminal-0", "nav"].map(selector => {
      const { left, top, width, height } = place(one(selector));
      return `${selector} ${[left, top, width, height].map(Math.round)}`;
    }).join("; ");
  }

  /** What is cut, because it is wider or higher than its place. */
  function cut() {
    const narrow = all("#sentence, #hand p, #hand button, #hand span, .card p > span, .code div > span, header button, #moves *")
      .filter(part => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).display !== "inline");
    const low = all("#sentence, #sockets, #hand button").filter(part => part.scrollHeight > part.clientHeight + 1);
    return [...narrow, ...low].map(part => `${part.id || part.className}: ${seen(part)}`);
  }

  /** What is wrong with the rows of the ladder: text that is cut, but for bytes, or that hides an arrow, its ends or its marks. */
  function wrongRows() {
    return all("#ladder li").flatMap(row => {
      const box = place(row), found = [], walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
      const marks = all(".tip, .cross, .bars, .tick", row).map(place), line = middleHeight(place(one("svg line", row)));
      while (walker.nextNode()) {
        const own = walker.currentNode, parent = own.parentElement;
        if (!own.data.trim() || parent.closest(".unseen, li > b") || !parent.offsetWidth) continue;
        const range = document.createRange();
        range.selectNodeContents(parent.closest("q") ?? own);
        const { left, right, top, bottom } = parent.closest("q") ? place(parent.closest("q")) : range.getBoundingClientRect();
        const least = top < line && line < bottom ? 28 : 0;
        if (left < box.left + least - 1 || right > box.right - least + 1) found.push("is too wide");
        if (marks.some(mark => mark.left < right && left < mark.right && mark.top < bottom && top < mark.bottom)) found.push("hides a mark");
        for (let outer = parent; outer !== row; outer = outer.parentElement) {
          if (!outer.matches("q") && outer.scrollWidth > outer.clientWidth + 1 && getComputedStyle(outer).display !== "inline") found.push("is cut");
        }
      }
      return [...new Set(found)].map(fault => `${seen(row)}: ${fault}`);
    });
  }

  /** Shows all numbers at an address, and what is wrong then; or with rows as full as they can be, where `isFull`. */
  function numbersAt(address, isFull) {
    visit(address);
    if (!numbered) press("KeyQ");
    const { segments } = frames[step];
    if (isFull) {
      const extras = [{ held: true, again: true }, { lost: true, again: true }, { late: true, again: true }, { probe: true }, {}];
      const contents = [["i am TCP client", 15], ["0".repeat(32) + "...", 65536], ["", 0]];
      const [seq, ack, win] = [4294967295, 4294967295, 1048576];
      frames[step].segments = [0, 1].flatMap(from => extras.flatMap(extra => contents.flatMap(([text, length]) =>
        Array.from({ length: 10 }, () => [from, 1 - from, "ACK", text, length, { ...extra, seq, ack, win }]))));
      show();
    }
    const shown = { address: location.hash, wrong: wrongRows(), rows: all("#ladder small").length };
    frames[step].segments = segments;
    return shown;
  }

  /** The name of the program whose colour an element has. */
  const nameOf = element => text(one(`#names .${element.className.match(/of-\d/)?.[0] ?? "none"}`)) || "nobody";

  /** Each marked line of a panel, with its tags. */
  function lines(panel) {
    return all(`${panel} pre div`).filter(line => line.className).map(line => {
      const kinds = line.className.split(" ").join("+");
      const tags = all("u b", line).map(tag => `${seen(tag)} (${nameOf(tag)})`).join(", ");
      return `${text(one("i", line))} ${text(one("span", line))}  [${kinds}: ${tags}]`;
    });
  }

  /** The cards, from top to bottom; those beside each other in one line, each with its side. */
  function cards() {
    const rows = new Map();
    for (const card of all("#sockets .card")) {
      const key = Math.round(place(card).top);
      rows.set(key, [...(rows.get(key) ?? []), card]);
    }
    const box = place(one("#sockets"));
    return [...rows].sort(([one], [other]) => one - other).map(([, row]) => row.map(card => {
      const { left, right } = place(card);
      const side = right - left > box.width * .6 ? "whole"
        : middle(place(card)) < middle(box) ? "left" : "right";
      const fresh = one(".state.new", card) ? " (new state)" : "";
      const parts = [...card.children].map(part => [...part.children].map(seen).filter(Boolean).join(" "));
      return `${side}: ${nameOf(card)}, ${parts.filter(Boolean).join(", ")}${fresh}`;
    }).sort().join("  |  "));
  }

  /** The arrows that have just been drawn, with where they point, and what is said about them. */
  function arrows() {
    return all("#ladder li").map(arrow => {
      const at = (sign, left, right) => all(sign, arrow).map(drawn => middle(place(drawn)) < middle(place(arrow)) ? left : right);
      const signs = [...at(".tip", "<", ">"), ...at(".cross", "x left", "x right"), ...at(".bars", "‖ left", "‖ right")];
      const tick = at(".tick", "✓ left", "✓ right");
      const told = `${signs.join("")} ${seen(arrow)}  (${nameOf(arrow)}: ${all(".unseen", arrow).map(text).join(" ")}) ${tick}`;
      return arrow.matches(".now") || one(".tick.fresh", arrow) ? told : "";
    });
  }

  /** What stands in the lanes, by where it stands: for each program its calls, with their steps. */
  function lanes() {
    const box = place(one("#lanes")), steps = Number(one("#step").max) + 1;
    const rows = all("#names span").map(name => ({ name: text(name), ...place(name).toJSON(), cells: [] }));
    for (const cell of all("#lanes .cell")) {
      const { top, bottom } = place(cell), at = (top + bottom) / 2;
      const row = rows.find(row => row.top < at && at < row.bottom);
      const step = Math.floor((middle(place(cell)) - box.left) / box.width * steps);
      row?.cells.push({ step, call: text(cell), past: cell.matches(".past") });
    }
    return rows;
  }

  /** What is new in each terminal. */
  function terminals() {
    return all(".terminal").map(panel => {
      const fresh = all("pre .new", panel).map(text).filter(Boolean);
      return fresh.length ? `${seen(one("h2", panel))}: ${fresh.join(" / ")}` : "";
    });
  }

  /** All that a step shows, but for its sentence, to be read by a person. */
  function tell() {
    const step = Number(one("#step").value), rows = lanes();
    const told = (name, items) => items.filter(Boolean).map(item => `  ${name.padEnd(8)} ${item}`);
    const acts = rows.flatMap(({ name, cells }) =>
      cells.filter(cell => cell.step === step).map(cell => `${name}: ${cell.call}`));
    const past = rows.flatMap(({ cells }) => cells).filter(cell => cell.past).map(cell => cell.step);
    return [
      `step ${step}, ${acts.join(", ") || "nobody"}`,
      ...told("hand", [...all("#hand .head"), ...all("#hand button")].map(part => `${nameOf(part)}: ${seen(part)}`)),
      ...told("left", lines("#code-0")), ...told("right", lines("#code-1")),
      ...told("socket", cards()),
      ...told("arrow", arrows()), ...told("", [`${all("#ladder li").length} arrows in all`]),
      ...told("terminal", terminals()),
      ...told("lanes", [`filled up to step ${Math.max(-1, ...past)}`]),
    ];
  }

  function tellLanes() {
    return lanes().map(({ name, cells }) =>
      `${name}: ${cells.map(({ step, call }) => `${step} ${call}`).join(", ")}`);
  }

  // The page's clock stands still, however slow the machine is, until `later` is done.
  let later = 0;
  performance.now = () => later;

  const press = code => document.body.dispatchEvent(new KeyboardEvent("keydown", { code, bubbles: true }));

  /** A question at its address, what the page gives away of the step behind it, and what each of the
   * answers leads to: each one's key is pressed, or only that of the first. */
  function question(address, pressAll) {
    visit(address);
    const step = Number(one("#step").value);
    const asked = {
      address: location.hash,
      answers: all("#hand button span").map(text),
      announced: text(one("[role=status]")),
      given_away: [
        ...lanes().flatMap(({ cells }) => cells).filter(cell => cell.step > step).map(({ call }) => call),
        ...all(".code .next, .terminal .asks").map(text).filter(Boolean),
        ...all(".queue q").map(text).filter(queued => !/^([\d,]+( bytes| 字节)?|FIN)$/.test(queued)),
      ],
      layout: layout(),
      cut: cut(),
    };
    asked.answered = [1, 2, 3].map(number => {
      if (number === 1 || pressAll) {
        if (number > 1) visit(address);
        press(`Digit${number}`);
      } else {
        remember(shownAsk(), number - 1);
        show();
      }
      const marks = all("#hand p").map(({ className }) => className);
      return { address: location.hash, sentence: text(one("#sentence")), marks, layout: layout(), cut: cut() };
    });
    return asked;
  }

  /** Does what is asked for: `click SELECTOR`, `press KEY`, `slide NUMBER`, or `later MILLISECONDS`. */
  function act(wanted) {
    const [, kind, on] = wanted.match(/^(\w+) (.*)$/);
    let followed = "";
    const follow = event => {
      const link = event.target.closest("a");
      if (!link) return;
      followed = link.getAttribute("href");
      event.preventDefault();
    };
    addEventListener("click", follow);
    if (kind === "click") one(on).click();
    if (kind === "press") press(on);
    if (kind === "later") later += Number(on);
    if (kind === "slide") {
      one("#step").value = on;
      one("#step").dispatchEvent(new Event("input", { bubbles: true }));
    }
    removeEventListener("click", follow);
    const terminals = all(".terminal").filter(panel => place(panel).height > 0).map(panel => seen(one("h2", panel)));
    return { wanted, address: followed || location.hash, terminals, sentence: seen(one("#sentence")) };
  }

  function visit(address) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }

  /** What a step shows, and where. */
  function look(address) {
    visit(address);
    return {
      address: location.hash,
      language: document.documentElement.lang,
      pressed: all(".switch [aria-pressed=true]").map(button => button.value),
      sentence: one("#sentence").textContent,
      layout: layout(),
      cut: cut(),
    };
  }

  /** All that a recording shows: an address without its step, which goes where the `?` stands. */
  function tellAll(beginning) {
    const [hash, ...twins] = beginning.split("?");
    visit(`${hash}/0${twins}`);
    const page = tellLanes();
    for (let step = 0; step <= Number(one("#step").max); step++) {
      visit(`${hash}/${step}${twins}`);
      page.push("", ...tell());
    }
    return page.join("\n") + "\n";
  }

  globalThis.walk = {
    visit, act, tellAll,
    looks: addresses => addresses.map(look),
    numbers: (addresses, isFull) => addresses.map(address => numbersAt(address, isFull)),
    questions: (addresses, pressAll) => addresses.map(address => question(address, pressAll)),
  };
}
