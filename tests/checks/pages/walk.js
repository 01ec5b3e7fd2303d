// Put into a copy of the page, in front of its own script: goes to one address after the other, then
// clicks and presses keys, and writes down what the page shows, where it shows it, and its errors.
{
  const shown = { errors: [], steps: [], told: [], done: [] };
  addEventListener("error", event => shown.errors.push(event.message));
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const one = (selector, inside = document) => inside.querySelector(selector);
  const text = element => element?.textContent.replace(/\s+/g, " ").trim() ?? "";
  const place = element => element.getBoundingClientRect();
  const middle = ({ left, right }) => (left + right) / 2;

  /** The text of an element without what is only for screen readers. */
  function seen(element) {
    const copy = element.cloneNode(true);
    for (const unseen of all(".unseen", copy)) unseen.remove();
    return text(copy);
  }

  const names = () => all("#names span").map(text);
  const nameOf = element => names()[element.className.match(/of-(\d)/)?.[1]] ?? "nobody";

  /** Each marked line of a panel, with its tags. */
  function lines(panel) {
    return all(`${panel} pre div`).filter(line => line.className).map(line => {
      const kinds = line.className.split(" ").join("+"), tags = all("b", line).map(seen).join(", ");
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
      return `${side}: ${card.matches(".gone") ? text(card) : `${nameOf(card)}, ${parts.filter(Boolean).join(", ")}`}${fresh}`;
    }).sort().join("  |  "));
  }

  /** The arrows that have just been drawn, with where they point, and what is said about them. */
  function arrows() {
    return all("#ladder li").filter(arrow => arrow.matches(".now")).map(arrow => {
      const left = parseFloat(getComputedStyle(arrow, "::after").left) < 0;
      return `${left ? "<--" : "-->"} ${seen(arrow)}  (${nameOf(arrow)}; ${text(one(".unseen", arrow))})`;
    });
  }

  /** What stands in the lanes, by where it stands: for each program its calls, with their steps. */
  function lanes() {
    const box = place(one("#lanes")), steps = Number(one("#step").max) + 1;
    const rows = all("#names span").map(name => ({ ...place(name).toJSON(), cells: [] }));
    for (const cell of all("#lanes span")) {
      const { top, bottom } = place(cell), at = (top + bottom) / 2;
      const row = rows.find(row => row.top < at && at < row.bottom);
      const step = Math.floor((middle(place(cell)) - box.left) / box.width * steps);
      row?.cells.push({ step, call: text(cell), past: cell.matches(".past") });
    }
    return rows.map(row => row.cells);
  }

  /** What is new in each terminal. */
  function terminals() {
    return all(".terminal").map(panel => {
      const fresh = all("pre .new", panel).map(text).filter(Boolean);
      return fresh.length ? `${text(one("h2", panel))}: ${fresh.join(" / ")}` : "";
    });
  }

  /** All that a step shows, but for its sentence, to be read by a person. */
  function tell() {
    const step = Number(one("#step").value), rows = lanes();
    const told = (name, items) => items.filter(Boolean).map(item => `  ${name.padEnd(8)} ${item}`);
    const acts = rows.flatMap((cells, number) =>
      cells.filter(cell => cell.step === step).map(cell => `${names()[number]}: ${cell.call}`));
    const past = rows.flat().filter(cell => cell.past).map(cell => cell.step);
    return [
      `step ${step}, ${acts.join(", ") || "nobody"}`,
      ...told("head", all(".code h2").map(seen)),
      ...told("left", lines("#code-0")), ...told("right", lines("#code-1")),
      ...told("socket", cards()),
      ...told("arrow", arrows()), ...told("", [`${all("#ladder li:not(.now)").length} older arrows`]),
      ...told("terminal", terminals()),
      ...told("lanes", [`filled up to step ${Math.max(-1, ...past)}`]),
    ];
  }

  function tellLanes() {
    return lanes().map((cells, number) =>
      `${names()[number]}: ${cells.map(({ step, call }) => `${step} ${call}`).join(", ")}`);
  }

  /** Does what is asked for: `click SELECTOR`, `press KEY`, or `slide NUMBER`. */
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
    if (kind === "press") document.body.dispatchEvent(new KeyboardEvent("keydown", { key: on, code: on, bubbles: true }));
    if (kind === "slide") {
      one("#step").value = on;
      one("#step").dispatchEvent(new Event("input", { bubbles: true }));
    }
    removeEventListener("click", follow);
    const terminals = all(".terminal").filter(panel => place(panel).height > 0).map(panel => text(one("h2", panel)));
    return { wanted, address: followed || location.hash, terminals };
  }

  addEventListener("load", () => {
    const { addresses, told, actions } = PLAN;
    const visit = address => {
      history.replaceState(null, "", address);
      dispatchEvent(new HashChangeEvent("hashchange"));
    };
    for (const address of addresses) {
      visit(address);
      shown.steps.push({
        address: location.hash,
        language: document.documentElement.lang,
        pressed: all(".switch [aria-pressed=true]").map(button => button.value),
        sentence: one("#sentence").textContent,
      });
    }
    for (const beginning of told) {
      const [hash, ...twins] = beginning.split("?");
      visit(`${hash}/0${twins}`);
      const page = tellLanes();
      for (let step = 0; step <= Number(one("#step").max); step++) {
        visit(`${hash}/${step}${twins}`);
        page.push("", ...tell());
      }
      shown.told.push(page.join("\n") + "\n");
    }
    if (actions.length) visit(actions.shift());
    shown.done = actions.map(act);
    const result = document.createElement("script");
    result.type = "application/json";
    result.id = "shown";
    result.textContent = JSON.stringify(shown).replaceAll("<", "\\u003c");
    document.body.append(result);
  });
}
