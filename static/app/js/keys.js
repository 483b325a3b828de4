// Single keys that do something on a page, and the dialog that "?" opens to tell them. A page's modules say what they
// have: `convoshipKeys.register("n", "Write a note", run)`. They are silent while somebody writes, with a modifier, and
// for who turned them off (WCAG 2.1.4); the choice is this browser's.

const KEY = "convoship:shortcuts"; // one choice for every page
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
    // Then it lasts as long as nothing can be kept: not at all.
  }
}

function isWriting(target) {
  return target.isContentEditable || target.matches?.('textarea, select, input:not([type="checkbox"], [type="radio"])');
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (dialog.open || isWriting(event.target)) return;
  if (event.key === "?") {
    event.preventDefault();
    show();
    return;
  }
  const found = isOn() && known.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!found) return;
  event.preventDefault();
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

function show() {
  const rows = [...known].flatMap(([key, { words }]) => [
    element("dt", {}, element("kbd", { textContent: names[key] ?? key })),
    element("dd", { textContent: words }),
  ]);
  const box = element("input", { type: "checkbox", id: "keys-on", checked: isOn() });
  box.addEventListener("change", () => turn(box.checked));
  const close = element("button", { type: "button", className: "button", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(
    element("h2", { id: "keys-title", textContent: "Keys" }),
    element("dl", { className: "facts" }, ...rows, element("dt", {}, element("kbd", { textContent: "?" })), element("dd", { textContent: "This list" })),
    element("p", { className: "check" }, box, element("label", { htmlFor: "keys-on", textContent: "Single keys do this" })),
    close,
  );
  dialog.showModal();
}

window.convoshipKeys = {
  register(key, words, run) {
    known.set(key, { words, run });
  },
};
