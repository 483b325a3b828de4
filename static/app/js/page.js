// What every page has: the colour choice, menus that close, buttons that copy, forms that are sent once.

// --- Colours -----------------------------------------------------------------------------------------------------

const KEY = "convoship:theme";
const groups = document.querySelectorAll("[data-theme-choice]");

function chosen() {
  return document.documentElement.dataset.theme || "auto";
}

function paint() {
  for (const button of document.querySelectorAll("[data-theme-value]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeValue === chosen()));
  }
}

function choose(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then the choice lasts as long as the page.
  }
  paint();
}

for (const group of groups) {
  group.hidden = false;
  group.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-value]");
    if (button) choose(button.dataset.themeValue);
  });
}
paint();

// --- Tabs ---------------------------------------------------------------------------------------------------------

// Where the row is wider than the window, the tab that one is on is in sight.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 24;
}

// --- Menus -------------------------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// A menu that opens at the lower edge comes into sight as a whole; `toggle` doesn't bubble.
document.addEventListener(
  "toggle",
  (event) => {
    if (event.target.matches?.("details.menu[open]")) {
      event.target.querySelector(".menu-panel")?.scrollIntoView({ block: "nearest" });
    }
  },
  true,
);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open], .topbar > details[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// --- Copying -----------------------------------------------------------------------------------------------------

const live = document.createElement("div");
live.className = "sr-only";
live.setAttribute("role", "status");
document.body.append(live);

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copyAtOnce(button) {
  button.focus();
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.querySelector("[data-copy-label]").textContent = "Copied. Copy again";
    live.textContent = "The snippet is copied";
  } catch {
    // Not allowed without a click.
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]") || button;
  const before = (button.dataset.copyBefore ||= label.textContent);
  try {
    await navigator.clipboard.writeText(source.textContent);
    label.textContent = button.dataset.copied || "Copied";
    live.textContent = "Copied";
  } catch {
    // The clipboard is closed to pages without TLS: select the text, so that one key copies it.
    const hidden = source.closest("details:not([open])");
    if (hidden) hidden.open = true;
    select(source);
    label.textContent = "Selected: press Ctrl+C";
    live.textContent = "The text is selected. Press Ctrl and C to copy it.";
  }
  setTimeout(() => {
    label.textContent = before;
    live.textContent = "";
  }, 2500);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  // "Rotate and copy" ends on a page whose button says so; a browser that wants a click for it leaves the button.
  if ("copyNow" in button.dataset) copyAtOnce(button);
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// --- Forms -------------------------------------------------------------------------------------------------------

// A second click while the first is under way sends nothing. The lock opens again when the page comes back from the
// browser's memory.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "get") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  if (event.submitter?.dataset.busy) say(event.submitter);
});

// A button whose answer takes its time says so, and until when. What it was called comes back with the page.
const waiting = new Map();

function say(button) {
  waiting.set(button, [...button.childNodes]);
  button.replaceChildren(button.dataset.busy);
  live.textContent = button.dataset.busy;
}

addEventListener("pageshow", () => {
  for (const [button, called] of waiting) button.replaceChildren(...called);
  waiting.clear();
  live.textContent = "";
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-send-by-key]")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// A page that shows something once answers a form, and the browser can't go back to it: it would say that the form must
// be sent again. Its place in the history is taken by where "Done" leads.
const shownOnce = document.querySelector("[data-shown-once]");
if (shownOnce) history.replaceState(null, "", shownOnce.href);

// --- Times -------------------------------------------------------------------------------------------------------

// The server says UTC; who reads lives somewhere.
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    time.title = whole.format(moment);
    if (!("clock" in time.dataset)) continue;
    // What is within a day, on another one than today, is tomorrow.
    const isLater = "day" in time.dataset && moment.toDateString() !== new Date().toDateString();
    time.textContent = `${isLater ? "tomorrow, " : ""}${clock.format(moment)}`;
  }
}
localTimes(document);
document.addEventListener("htmx:afterSettle", (event) => localTimes(event.target));
