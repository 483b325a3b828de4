// The composer of a conversation: an answer or a note, one at a time, and what the server says to it.

const TYPING_SENT = 3_000;

const form = document.querySelector("[data-reply]");
const live = () => document.getElementById("live");
const conversation = live().dataset.liveConversation;
const text = form.elements.text;
const asked = document.querySelector("[data-reply-asked]");
const sendWords = document.querySelector("[data-send-words]");

const send = (frame) => document.dispatchEvent(new CustomEvent("live:send", { detail: frame }));
const kind = () => form.elements.kind.value;
const hasFiles = () => kind() === "reply" && new FormData(form).has("attachments");

// --- What is shown of the form ---------------------------------------------------------------------------------------

function refuse(words, what = kind()) {
  document.querySelector("[data-reply-error]").hidden = !words;
  const begins = what === "note" ? "Not added" : "Not sent";
  document.querySelector("[data-reply-words]").textContent = words ? `${begins}: ${words}` : "";
}

function ask(words) {
  asked.hidden = !words;
  document.querySelector("[data-asked-words]").textContent = words;
  sendWords.textContent = words ? "Send anyway" : "Send";
}

// Of what was sent, until something else is written.
function tell(words) {
  const line = form.querySelector("[data-said]");
  line.hidden = !words;
  line.textContent = words;
}

// Where nothing is being written, all that is shown is known; who writes may not have looked up since they began.
function noteWhatIsSeen() {
  if (!text.value.trim() && sent === null) form.elements.head_seq.value = live().dataset.headSeq;
}

function become(wanted) {
  const radio = form.querySelector(`[name="kind"][value="${wanted}"]`);
  if (radio.disabled) return;
  radio.checked = true;
  text.focus();
}

document.addEventListener("htmx:afterSettle", () => {
  const isActive = live().dataset.active === "yes";
  const [reply] = form.querySelectorAll('[name="kind"]');
  reply.disabled = !isActive;
  // What was meant for a visitor who is gone can be kept as a note; it never goes out by itself.
  if (!isActive) {
    form.querySelector('[name="kind"][value="note"]').checked = true;
    text.placeholder = "Write a note";
  }
  form.querySelector("[data-takes-over]").hidden = live().dataset.mine === "yes";
  lookForWhatWasTried();
  noteWhatIsSeen();
});
// Not for the text, which tells of its change when a press on the button takes the focus: the button would move away.
form.addEventListener("change", (event) => event.target.name === "kind" && ask(""));
document.addEventListener("compose", (event) => become(event.detail));

// On a phone it is one line until it is touched. It folds after a touch elsewhere has done what it does, not before: what
// was touched would move away from under the finger.
const box = form.closest("[data-composer]");
const fold = (isFolded) => box.classList.toggle("folded", isFolded && !text.value.trim() && asked.hidden);
if (document.activeElement !== text) fold(true);
box.addEventListener("focusin", () => fold(false));
box.addEventListener("click", () => fold(false));
document.addEventListener("click", ({ target }) => box.contains(target) || fold(true));

// --- Typing ----------------------------------------------------------------------------------------------------------

let told = 0;
form.addEventListener("input", (event) => {
  if (event.target === text && text.value) tell("");
  if (event.target !== text || Date.now() - told < TYPING_SENT) return;
  told = Date.now();
  send({ type: "typing", conversation, on: true, note: kind() === "note" });
});

// --- Sending ---------------------------------------------------------------------------------------------------------

// One at a time. What was pressed twice is sent once; what was written while an answer was under way goes after it.
let sent = null;
let again = false;

document.addEventListener(
  "submit",
  (event) => {
    if (event.target !== form) return;
    if (sent === null && (text.value.trim() || hasFiles())) {
      sent = text.value;
      // Nobody knows what became of the last try; the same again is posted once, and another text is another message.
      if ("tried" in form.dataset && form.dataset.tried !== sent) renew();
      form.dataset.tried = sent;
      form.setAttribute("aria-busy", "true");
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (sent === null) text.focus();
    else if (text.value !== sent) again = true;
  },
  true,
);

// The next one is another.
function renew() {
  form.elements.client_id.value = crypto.randomUUID?.() ?? String(Math.random()).slice(2) + Date.now();
  delete form.dataset.tried;
}

function took(words) {
  if (text.value.startsWith(words)) text.value = text.value.slice(words.length).trimStart();
  renew();
  form.elements.head_seq.value = live().dataset.headSeq;
}

// What was sent as the page was left, or as the line broke, and stands in the transcript: it is written no more.
function lookForWhatWasTried() {
  const { tried } = form.dataset;
  const id = CSS.escape(form.elements.client_id.value);
  if (sent !== null || tried === undefined || !live().querySelector(`[data-client-id="${id}"]`)) return;
  took(tried);
  document.dispatchEvent(new CustomEvent("replied"));
}

// The server says that it took it.
document.addEventListener("replied", ({ detail }) => {
  refuse("");
  ask("");
  tell(detail?.words ?? "");
  if (sent !== null) {
    took(sent);
    text.focus();
  }
  told = 0;
  if (!text.value) send({ type: "typing", conversation, on: false });
});
document.addEventListener("refused", (event) => {
  ask("");
  refuse(event.detail.words, event.detail.kind);
});
document.addEventListener("asked", (event) => {
  refuse("");
  ask(event.detail.words);
  // What was asked about is seen now: the same again is sent.
  form.elements.head_seq.value = live().dataset.headSeq;
});

form.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt !== form) return;
  const { xhr, successful } = event.detail;
  const wasAsked = !asked.hidden;
  sent = null;
  form.removeAttribute("aria-busy");
  if (!xhr.status) refuse("the server can't be reached. What you wrote is still here; send it again in a moment.");
  else if (!successful) refuse(`the server refused it (${xhr.status}). Copy what you wrote, then load this page again.`);
  const next = successful && again && !wasAsked && text.value.trim();
  again = false;
  if (next) form.requestSubmit();
});

lookForWhatWasTried();
