// The editor saves by itself while somebody types: a moment after the last key, when a field is left, and when the page
// is. What isn't valid yet is kept as it was typed. Nothing is overwritten that was changed elsewhere.

const form = document.querySelector("[data-editor]");
const state = form.querySelector("[data-state]");
const seen = form.elements.namedItem("seen");
const PAUSE = 1000;
const RETRY = [2000, 5000, 15_000, 30_000];
const AWAY = "Not saved: no connection. Trying again.";
const LARGEST_ON_LEAVING = 60_000; // bytes that a browser sends for a page that is gone

let dirty = form.hasAttribute("data-unsaved");
let conflicting = form.hasAttribute("data-conflicting");
let sending = null;
let timer = 0;
let tries = 0;

// --- Words ----------------------------------------------------------------------------------------------------------

function say(words, mend) {
  state.textContent = words;
  if (!mend) return;
  const link = document.createElement("a");
  link.href = "#f-";
  link.dataset.field = mend.field;
  link.textContent = mend.where;
  state.append(" ", link, `: ${mend.words}`);
}

let savedAt = 0;
function saySaved() {
  if (!savedAt) return;
  const minutes = Math.floor((Date.now() - savedAt) / 60_000);
  state.textContent = minutes < 1 ? "Saved a moment ago." : `Saved ${minutes} min ago.`;
}
setInterval(() => {
  if (!dirty && !sending) saySaved();
}, 60_000);

// --- What is to be mended, at its field -----------------------------------------------------------------------------------

let toMend = [];

function describe(input, isWrong) {
  const ids = [`${input.id}_hint`, isWrong ? `${input.id}_error` : ""].filter((id) => id && document.getElementById(id));
  input.toggleAttribute("aria-invalid", false);
  if (isWrong) input.setAttribute("aria-invalid", "true");
  if (ids.length) input.setAttribute("aria-describedby", ids.join(" "));
  else input.removeAttribute("aria-describedby");
}

// The answer says all that is wrong now, so what stood there before goes. The field that somebody is in waits until it
// is left: half a word is no mistake.
function mark() {
  document.getElementById("faults")?.remove();
  // What a row as a whole has wrong is drawn by the server alone, so it stays until nothing is.
  for (const list of form.querySelectorAll(toMend.length ? ".field > .errors" : ".errors")) list.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) describe(input, false);
  for (const { field, words } of toMend) {
    const input = form.elements.namedItem(field);
    const box = input instanceof Element ? input.closest(".field") : null;
    if (!box || input === document.activeElement) continue;
    const list = box.querySelector(".errors") || document.createElement("ul");
    list.className = "errors";
    list.id = `${input.id}_error`;
    const line = document.createElement("li");
    line.textContent = words;
    list.append(line);
    box.append(list);
    describe(input, true);
  }
  for (const badge of form.querySelectorAll("[data-needs-a-look]")) {
    if (!badge.closest("details").querySelector(".errors")) badge.remove();
  }
}

// --- Saving ------------------------------------------------------------------------------------------------------------

function body() {
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (name !== "op" && name !== "note") data.append(name, value);
  return data;
}

function later(pause = PAUSE) {
  clearTimeout(timer);
  timer = setTimeout(save, pause);
}

function save() {
  clearTimeout(timer);
  if (!dirty || conflicting) return sending;
  if (sending) return sending.then(save);
  dirty = false;
  savedAt = 0;
  say("Saving…");
  sending = send().finally(() => {
    sending = null;
  });
  return sending;
}

async function send() {
  let answer;
  try {
    answer = await fetch(form.dataset.autosave, { method: "POST", body: body(), redirect: "manual" });
  } catch {
    return failed(AWAY);
  }
  if (answer.status === 409) return conflict();
  if (answer.status >= 500 || answer.status === 429) return failed("Not saved: something broke on our side. Trying again.");
  tries = 0;
  if (!answer.ok) {
    dirty = true;
    const isSignedOut = answer.type === "opaqueredirect" || answer.status === 403;
    return say(
      isSignedOut
        ? "Not saved: you may be signed out. Sign in again in another tab, then use “Save draft”."
        : `Not saved: the server refused it (${answer.status}). Use “Save draft” to see why.`,
    );
  }
  const said = await answer.json();
  seen.value = said.seen;
  toMend = said.mend;
  mark();
  if (said.faults) {
    savedAt = 0;
    const things = `${said.faults} thing${said.faults === 1 ? "" : "s"}`;
    return say(`Kept as typed: ${things} to mend before it can be published.`, said.mend[0]);
  }
  savedAt = Date.now();
  if (!dirty) saySaved();
}

function failed(words) {
  dirty = true;
  say(words);
  later(RETRY[Math.min(tries, RETRY.length - 1)]);
  tries += 1;
}

function conflict() {
  dirty = true;
  conflicting = true;
  const notice = form.querySelector("[data-conflict]");
  notice.hidden = false;
  notice.scrollIntoView({ block: "nearest" });
  say("Not saved: the draft was changed elsewhere.");
}

form.addEventListener("editor:changed", () => {
  dirty = true;
  savedAt = 0;
  if (conflicting) return;
  if (!sending && !tries) say("Not saved yet.");
  later(tries ? RETRY[Math.min(tries, RETRY.length - 1)] : PAUSE);
});
form.addEventListener("focusout", () => {
  if (dirty && !tries) later(150); // a rename is done by then
  else if (toMend.length) setTimeout(mark);
});
addEventListener("online", () => {
  if (dirty) save();
});

// --- The form's own buttons ----------------------------------------------------------------------------------------------

let submitting = false;
let isWaiting = false; // a button, for what is typed to be saved
let wasSaved = false;

// What is typed is saved first, and what is under way ends. A form that is sent to a server that is away is gone with all
// that was typed since, so then nothing is sent: the page stays, and goes on trying.
form.addEventListener(
  "submit",
  (event) => {
    clearTimeout(timer);
    if (!sending && navigator.onLine && (!dirty || conflicting || wasSaved)) {
      wasSaved = false;
      submitting = true;
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (!sending && !navigator.onLine) return failed(AWAY);
    if (isWaiting) return;
    isWaiting = true;
    const button = event.submitter;
    save().finally(() =>
      setTimeout(() => {
        isWaiting = false;
        if (tries) return; // what is wrong stands beside the buttons
        wasSaved = true;
        form.requestSubmit(button);
      }),
    );
  },
  true,
);
addEventListener("pageshow", (event) => {
  submitting = false;
  // Back from the browser's memory: what was sent on leaving has moved the draft on.
  if (event.persisted && !dirty) location.reload();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  form.requestSubmit(form.querySelector('.savebar button[value="save"]'));
});

// --- Leaving ----------------------------------------------------------------------------------------------------------------

const LEFT = `convoship:editor-left:${location.pathname}`;

addEventListener("beforeunload", (event) => {
  if (submitting) return;
  const data = dirty && !conflicting ? body().toString() : "";
  if (dirty && (conflicting || tries || data.length > LARGEST_ON_LEAVING)) event.preventDefault();
});

addEventListener("pagehide", () => {
  if (submitting || !dirty || conflicting) return;
  const data = body();
  if (data.toString().length > LARGEST_ON_LEAVING) return;
  dirty = false;
  try {
    sessionStorage.setItem(LEFT, `0 ${seen.value}`);
  } catch {
    // Then a page that is opened faster than this is saved shows what was there before.
  }
  fetch(form.dataset.autosave, { method: "POST", body: data, keepalive: true, redirect: "error" }).catch(() => {});
});

// The page that is opened next can be faster than what was sent on leaving: then it is opened again, later each time.
const AGAIN = [1200, 2500, 5000];
let left = "";
try {
  left = sessionStorage.getItem(LEFT) ?? "";
  sessionStorage.removeItem(LEFT);
} catch {
  // Storage is closed.
}
const opened = Number(left.split(" ", 1)[0]);
if (left === `${opened} ${seen.value}` && opened < AGAIN.length) {
  setTimeout(() => {
    if (dirty || sending) return;
    sessionStorage.setItem(LEFT, `${opened + 1} ${seen.value}`);
    location.reload();
  }, AGAIN[opened]);
}

if (dirty && !conflicting) later();
