// Put into a copy of the page, in front of its own script: goes to one address after the other, and
// writes down what the page shows at each, and its errors.
{
  const shown = { errors: [], steps: [], keys: [] };
  addEventListener("error", event => shown.errors.push(event.message));
  const all = (selector, read) => [...document.querySelectorAll(selector)].map(read);
  const text = element => element.textContent;

  addEventListener("load", () => {
    for (const address of ADDRESSES) {
      history.replaceState(null, "", address);
      dispatchEvent(new HashChangeEvent("hashchange"));
      const client = document.querySelector("#clients .terminal:not(.other)");
      shown.steps.push({
        address: location.hash,
        language: document.documentElement.lang,
        pressed: all(".switch [aria-pressed=true]", button => button.value),
        sentence: text(document.querySelector("#sentence")),
        states: all(".card .state", text),
        ports: all(".card .state + b", text),
        queued: all(".card q", text),
        segments: all("#ladder li.now", text).length,
        marked: all(".code pre", code =>
          [...code.children].filter(line => line.className).map(line => Number(text(line.querySelector("i"))))),
        client: Number(client.id.split("-")[1]),
        terminals: all(".terminal pre", text),
      });
    }
    for (const key of KEYS) {
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      shown.keys.push(location.hash);
    }
    const result = document.createElement("script");
    result.type = "application/json";
    result.id = "shown";
    result.textContent = JSON.stringify(shown).replaceAll("<", "\\u003c");
    document.body.append(result);
  });
}
