// Try it without loading the page again. The server draws the panel; what is new in it is put in, what is the same stays,
// so that nobody loses their place. The form works without this file.

const AWAY = "Not sent: the server can't be reached. What you wrote is still here; send it again in a moment.";
const SIGNED_OUT = "Not sent: you are signed out. Load this page again.";
const STOPPED = "Stopped. What it had said is lost, as the server can't be reached; what you wrote is still here.";
const BROKEN = "Not sent: the server could not answer. Load this page again.";

function put(panel, fresh) {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = panel.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!old.isEqualNode(part)) old.replaceWith(part.cloneNode(true));
  }
  const list = panel.querySelector("[data-try-turns]");
  const end = list.lastElementChild;
  const isNew = panel.dataset.began !== fresh.dataset.began;
  if (isNew) for (const turn of list.querySelectorAll("[data-turn]")) turn.remove();
  panel.dataset.began = fresh.dataset.began;
  const added = [];
  for (const turn of fresh.querySelectorAll("[data-turn]")) {
    const old = list.querySelector(`[data-turn="${turn.dataset.turn}"]`);
    const now = turn.cloneNode(true);
    if (!old) {
      end.before(now);
      added.push(now);
    } else if (!old.isEqualNode(turn)) {
      old.replaceWith(now);
    }
  }
  return added;
}

// The words on one line, with one end.
function sentence(text) {
  const words = text.replace(/\s+/g, " ").trim();
  return /[.!?…:]$/.test(words) || !words ? words : `${words}.`;
}

// What is new is said to who doesn't see it: the answers, and in a word how they were found.
function tell(panel, fresh, added) {
  const told = panel.querySelector("[data-try-told]");
  const words = added.flatMap((turn) => [...turn.querySelectorAll("[data-said], [data-how]")].map((one) => sentence(one.innerText)));
  told.textContent = words.join(" ") || fresh.querySelector("[data-try-told]").textContent;
}

function refuse(panel, words) {
  const error = Object.assign(document.createElement("li"), { textContent: words });
  const list = Object.assign(document.createElement("ul"), { className: "errors", id: "try-text_error" });
  list.setAttribute("role", "alert");
  list.append(error);
  panel.querySelector('[data-part="refused"]').replaceChildren(list);
}

// Fields keep what was typed while the answer was under way; what was sent goes out of its own.
function settle(form, fresh, sent) {
  const text = form.elements.text;
  const from = fresh.querySelector("[name=text]");
  if (text.value === sent) text.value = from.value;
  for (const name of ["aria-invalid", "aria-describedby"]) {
    if (from.hasAttribute(name)) text.setAttribute(name, from.getAttribute(name));
    else text.removeAttribute(name);
  }
  const settings = form.querySelector(".try-settings");
  const other = fresh.querySelector(".try-settings");
  for (const field of other.querySelectorAll(".field")) {
    const id = field.querySelector("label").htmlFor;
    const errors = settings.querySelector(`#${id}_error`);
    errors?.remove();
    settings.querySelector(`#${id}`).toggleAttribute("aria-invalid", false);
    const said = other.querySelector(`#${id}_error`);
    if (!said) continue;
    settings.open = true;
    const input = settings.querySelector(`#${id}`);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", said.id);
    input.closest(".field").append(said.cloneNode(true));
  }
}

function toEnd(panel, added) {
  const list = panel.querySelector("[data-try-turns]");
  list.scrollTop = list.scrollHeight;
  // An answer that is longer than the window is read from its beginning.
  const first = added[0];
  if (first && first.offsetHeight > list.clientHeight) first.scrollIntoView({ block: "nearest" });
}

// --- An answer as it is written ---

const BEGIN_MS = 400;
// Who asked for an end and hears nothing for so long goes away.
const STOP_MS = 4000;
const STREAMED = "application/x-ndjson";

// The turn that is under way: what was said, what came of it so far, and a button that ends it.
function liveTurn(panel, said, stop) {
  const turn = panel.querySelector("[data-try-live]").content.firstElementChild.cloneNode(true);
  const [visitor, answer] = turn.querySelectorAll(".bubble > [data-live-text]");
  visitor.textContent = said;
  turn.querySelector("[data-live-stop]").addEventListener("click", stop);
  panel.querySelector("[data-try-turns]").lastElementChild.before(turn);
  turn.scrollIntoView({ block: "nearest" });
  return { turn, answer };
}

// The panel at the end of the lines; pieces are shown on the way.
async function streamed(answer, onPiece) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("The answer broke off.");
    const lines = (held + value).split("\n");
    held = lines.pop();
    for (const line of lines) {
      const { piece, panel } = JSON.parse(line);
      if (panel !== undefined) return panel;
      onPiece(piece);
    }
  }
}

async function send(panel, form, submitter) {
  const body = new FormData(form, submitter);
  const sent = form.elements.text.value;
  const address = new URL(submitter?.getAttribute("formaction") || form.getAttribute("action"), location.href);
  form.setAttribute("aria-busy", "true");
  const leave = new AbortController();
  const isSaid = submitter?.value === "say" || submitter?.name === "tap" || !submitter;
  const headers = { "HX-Request": "true", ...(isSaid ? { Accept: STREAMED } : {}) };
  let live = null;
  let patience = 0;
  // The answer ends where its bell is rung, and comes as far as it got.
  const bell = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  body.set("bell", bell);
  const stop = () => {
    const ringing = new FormData(form);
    ringing.set("op", "stop");
    ringing.set("bell", bell);
    patience ||= setTimeout(() => leave.abort(), STOP_MS);
    fetch(address, { method: "POST", body: ringing, headers: { "HX-Request": "true" } }).catch(() => leave.abort());
  };
  // One that comes at once is drawn at once, whole; one that takes its time can be stopped before its first word.
  const said = submitter?.name === "tap" ? submitter.textContent.trim() : sent;
  const begin = () => (live ??= liveTurn(panel, said, stop));
  const soon = isSaid && said.trim() ? setTimeout(begin, BEGIN_MS) : 0;
  try {
    const answer = await fetch(address, { method: "POST", body, headers, signal: leave.signal });
    if (new URL(answer.url).pathname !== address.pathname) return refuse(panel, SIGNED_OUT);
    if (!answer.ok) return refuse(panel, BROKEN);
    let html;
    if (answer.headers.get("Content-Type")?.startsWith(STREAMED)) {
      html = await streamed(answer, (piece) => {
        begin().answer.textContent += piece;
        toEnd(panel, []);
      });
    } else html = await answer.text();
    clearTimeout(soon);
    live?.turn.remove();
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = page.querySelector("[data-try]");
    const added = put(panel, fresh);
    settle(form, fresh, sent);
    tell(panel, fresh, added);
    if (added.length) toEnd(panel, added);
    const wanted = panel.querySelector("[data-try-turns] [data-focus]");
    if (wanted) {
      wanted.focus({ preventScroll: true });
      wanted.closest(".try-case").scrollIntoView({ block: "nearest" });
    } else if (!panel.contains(document.activeElement)) form.elements.text.focus({ preventScroll: true });
  } catch {
    refuse(panel, leave.signal.aborted ? STOPPED : AWAY);
    if (leave.signal.aborted) form.elements.text.focus({ preventScroll: true });
  } finally {
    clearTimeout(soon);
    clearTimeout(patience);
    live?.turn.remove();
    form.removeAttribute("aria-busy");
    delete form.dataset.sent;
  }
}

for (const panel of document.querySelectorAll("[data-try]")) {
  const form = panel.querySelector("[data-try-form]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") !== "true") send(panel, form, event.submitter);
  });
  toEnd(panel, []);
}
