// How markup is made. All that comes from a program is data, and is escaped.

"use strict";

const element = selector => document.querySelector(selector);

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

/** Fills an element, unless that is what it has been filled with. */
function fill(selector, content) {
  const filled = element(selector), { text } = html`${content}`;
  if (filled.content !== text) filled.innerHTML = filled.content = text;
  return filled;
}

/** What stands between backticks is code. */
function prose(text) {
  return text.split("`").map((part, index) => index % 2 === 1 ? html`<code>${part}</code>` : part);
}

/** Cuts what is too long to be read, and says how long it is. */
function shorten(text, most, length, unit) {
  if (text.length <= most) return text;
  return html`${[...text].slice(0, most - 10).join("")}<i>… ${length.toLocaleString("en")}${unit}</i>`;
}
