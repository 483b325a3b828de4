// What had the focus has it again: where a form of a `data-keeps-focus` part leads to the same page anew, and where
// htmx had switched its button off while it was asked.

const KEY = "convoship:focus";
// Longer than a slow answer, shorter than coming back.
const KEPT = 60_000;

const part = () => document.querySelector("[data-keeps-focus]");
const field = (form) => form?.querySelector("input[type=text]:not([name=name]), textarea");

document.addEventListener("submit", ({ target, submitter }) => {
  const form = submitter?.form ?? target;
  if (!part()?.contains(form)) return;
  const focused = document.activeElement;
  const isTyped = focused?.matches?.("input, textarea, select") && focused.form === form;
  const kept = {
    page: part().dataset.keepsFocus,
    at: Date.now(),
    form: form.id,
    id: isTyped ? focused.id : "",
    name: isTyped ? "" : (submitter?.name ?? ""),
    value: isTyped ? "" : (submitter?.value ?? ""),
  };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Then the focus begins at the top, as without this.
  }
});

function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    sessionStorage.removeItem(KEY);
    return found && found.page === part()?.dataset.keepsFocus && Date.now() - found.at < KEPT ? found : null;
  } catch {
    return null;
  }
}

const before = kept();
if (before) {
  const form = document.getElementById(before.form);
  const same = [...(form?.elements ?? [])].find(
    (each) => each.type === "submit" && each.name === before.name && each.value === before.value,
  );
  // What was done can't be done again: then where the next thing is written.
  const wrong = form?.querySelector("[aria-invalid=true]");
  (wrong ?? (before.id ? document.getElementById(before.id) : same) ?? field(form))?.focus();
}

let asking = null;
document.addEventListener("htmx:beforeRequest", ({ target }) => {
  const focused = document.activeElement;
  if (target.contains?.(focused) && focused.matches("button")) asking = focused;
});
document.addEventListener("htmx:afterSettle", again);
document.addEventListener("htmx:afterRequest", () => requestAnimationFrame(again));

function again() {
  if (!asking || asking.disabled || document.activeElement !== document.body) return;
  if (asking.isConnected) asking.focus();
  asking = null;
}
