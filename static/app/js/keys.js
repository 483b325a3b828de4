// Single keys that do something on a page, and the dialog that "?" or a button opens to tell them. A page's modules say
// what they have: `convoshipKeys.register("n", "Write a note", run)`, or "g m" for two keys one after the other. They are
// silent while somebody writes, with a modifier, and for who turned them off (WCAG 2.1.4): single letters are keys that
// some people speak. The choice is this browser's.

const KEY = "convoship:shortcuts";
const SECOND_KEY = 1500;
const known = new Map();
const names = { Escape: "Esc" };

function isOn() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

function turn(on) {
  try {
    localStorage.setItem(KEY, on ? "on" : "off");
  } catch {
    // Then they stay on.
  }
}

function isWriting(target) {
  if (target.isContentEditable || target.closest?.("dialog, summary")) return true;
  return Boolean(target.matches?.('textarea, select, input:not([type="checkbox"], [type="radio"])'));
}

let first = "";
let pressed = 0;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (dialog.open || isWriting(event.target)) return;
  if (event.key === "?") {
    event.preventDefault();
    show();
    return;
  }
  if (!isOn()) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = (Date.now() - pressed < SECOND_KEY && known.get(`${first} ${key}`)) || known.get(key);
  [first, pressed] = [key, Date.now()];
  if (!found) return;
  event.preventDefault();
  first = "";
  found.run();
});

// --- The dialog ------------------------------------------------------------------------------------------------------

const dialog = document.createElement("dialog");
dialog.className = "keys";
dialog.setAttribute("aria-labelledby", "keys-title");
document.body.append(dialog);

function element(tag, props = {}, ...kids) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...kids);
  return made;
}

function shown(key) {
  const parts = key.split(" ").map((part) => element("kbd", { textContent: names[part] ?? part }));
  return element("dt", {}, ...parts.flatMap((part, place) => (place ? [" then ", part] : [part])));
}

function show() {
  const told = [...known.entries(), ["?", { words: "These shortcuts" }]];
  const box = element("input", { type: "checkbox", id: "keys-on", checked: isOn() });
  box.addEventListener("change", () => turn(box.checked));
  const close = element("button", { type: "button", className: "button primary", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(
    element("h2", { id: "keys-title", textContent: "Keyboard shortcuts" }),
    element("dl", {}, ...told.flatMap(([key, { words }]) => [shown(key), element("dd", { textContent: words })])),
    element(
      "div",
      { className: "check" },
      box,
      element("label", { htmlFor: "keys-on", textContent: "Use them in this browser" }),
      element("p", { className: "hint", textContent: "Switch them off if you speak to your computer, or if a key does something else." }),
    ),
    close,
  );
  dialog.showModal();
}

const open = document.querySelector("[data-shortcuts-open]");
if (open) {
  open.hidden = false;
  open.addEventListener("click", show);
}

window.convoshipKeys = {
  register(key, words, run) {
    known.set(key, { words, run });
  },
};
