// The inbox by keyboard. A key moves the focus itself, so Enter, Tab and a screen reader go on from where it is. Never
// while something is typed, and never where they were switched off: single letters are keys that some people speak.

const KEY = "convoship:shortcuts";
const help = document.querySelector("[data-shortcuts]");
const open = document.querySelector("[data-shortcuts-open]");
const use = document.querySelector("[data-shortcuts-use]");
const GO = { a: "all", m: "mine", u: "unassigned", w: "waiting", o: "active", s: "snoozed" };
const SECOND_KEY = 1500;

function areOn() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], dialog, summary") !== null;
}

const rows = () => [...document.querySelectorAll("[data-inbox] .title-link")];

function move(by) {
  const links = rows();
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + by));
  links[next].focus();
  links[next].closest(".inbox-row").scrollIntoView({ block: "nearest" });
}

let gone = 0;

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  "/": () => {
    const search = document.querySelector("[data-search]");
    search.focus();
    search.select();
  },
  "?": () => show(),
  g: () => (gone = Date.now()),
};

function show() {
  if (help && !help.open) help.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || help?.open) return;
  // Arrows move the page, but from one conversation they lead to the next.
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest?.("[data-inbox]")) {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (!areOn()) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (Date.now() - gone < SECOND_KEY && GO[key]) {
    event.preventDefault();
    gone = 0;
    document.querySelector(`[data-chip="${GO[key]}"]`)?.click();
  } else if (KEYS[key]) {
    event.preventDefault();
    gone = 0;
    KEYS[key]();
  }
});

if (open) {
  open.hidden = false;
  open.addEventListener("click", show);
  help.querySelector("[data-shortcuts-close]").addEventListener("click", () => help.close());
}
if (use) {
  use.checked = areOn();
  use.addEventListener("change", () => {
    try {
      localStorage.setItem(KEY, use.checked ? "on" : "off");
    } catch {
      // Then they stay on.
    }
  });
}
