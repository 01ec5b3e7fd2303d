// What the browser remembers of the reader. Where it refuses to, the page does, until it is left.

const memory = {
  kept: {},
  get(name) {
    if (name in this.kept) return this.kept[name];
    try { return JSON.parse(localStorage[name] ?? "null"); } catch { return null; }
  },
  set(name, value) {
    this.kept[name] = value;
    try { localStorage[name] = JSON.stringify(value); } catch { /* then only the page does */ }
  },
};
