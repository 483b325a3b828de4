// Try it without loading the page again. The server draws the panel; what is new in it is put in, what is the same stays,
// so that nobody loses their place. The form works without this file.

const AWAY = "Not sent: the server can't be reached. What you wrote is still here; send it again in a moment.";
const SIGNED_OUT = "Not sent: you are signed out. Load this page again.";
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

async function send(panel, form, submitter) {
  const body = new FormData(form, submitter);
  const sent = form.elements.text.value;
  const address = new URL(submitter?.getAttribute("formaction") || form.getAttribute("action"), location.href);
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" } });
    if (new URL(answer.url).pathname !== address.pathname) return refuse(panel, SIGNED_OUT);
    if (!answer.ok) return refuse(panel, BROKEN);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
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
    refuse(panel, AWAY);
  } finally {
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
