// Lists and transcripts that follow what happens. An event of the socket only rings: what is shown is fetched again from
// the server, so that a lost or doubled event does no harm. While the socket is away, a glance every 15 seconds stands in.

const GLANCE = 15_000;
const TYPING_SHOWN = 6_000;
const TYPING_SENT = 3_000;

const live = () => document.getElementById("live");
const conversation = live()?.dataset.liveConversation;
const typing = document.querySelector("[data-typing]");
const reply = document.querySelector("[data-reply]");
const away = document.querySelector("[data-away]");

let socket = null;
let tries = 0;
let rung = 0;

// --- Fetching again ------------------------------------------------------------------------------------------------

// Several events at once fetch once.
function refresh() {
  clearTimeout(rung);
  rung = setTimeout(() => window.htmx?.trigger(live(), "refresh"), 80);
}

// Where the talk ends: on a phone what is known of the visitor stands below it.
function talkEnd() {
  return document.querySelector(".talk-main").getBoundingClientRect().bottom + scrollY + 16;
}

function atEnd() {
  return innerHeight + scrollY > talkEnd() - 160;
}

let follow = false;
document.addEventListener("htmx:beforeSwap", () => {
  follow = Boolean(conversation) && atEnd();
});
document.addEventListener("htmx:afterSettle", () => {
  if (follow) toEnd();
  if (reply) {
    reply.hidden = live().dataset.active !== "yes";
    reply.querySelector("[data-takes-over]").hidden = live().dataset.mine === "yes";
  }
});

function toEnd() {
  scrollTo({ top: talkEnd() - innerHeight });
}

// A session that is over answers with the sign-in page, which has no place inside this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (new URL(xhr.responseURL).pathname === new URL(requestConfig.path, location.href).pathname) return;
  event.detail.shouldSwap = false;
  if (requestConfig.elt === reply) refuse("you are signed out. Copy your answer, then load this page again.");
  else if (!reply?.elements.text.value) location.reload();
});

// --- The socket ----------------------------------------------------------------------------------------------------

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/app/socket`);
  socket.addEventListener("open", () => {
    tries = 0;
    if (away) away.hidden = true;
    if (conversation) send({ type: "subscribe", conversation });
    if (!conversation || document.querySelector("[data-notify]")) send({ type: "subscribe", list: true });
    // Whatever happened while nobody listened, if only since the page was made, is fetched now.
    refresh();
  });
  socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    socket = null;
    if (event.code === 4401) location.reload();
    tries += 1;
    if (away && tries > 1) away.hidden = false;
    setTimeout(connect, Math.min(30_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2));
  });
}

function send(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

function hear(event) {
  document.dispatchEvent(new CustomEvent("live:heard", { detail: event }));
  // Of other conversations a conversation's page hears as well, so that its member can be called to them.
  if (conversation && event.conversation_id !== conversation) return;
  if (event.type === "typing") showTyping(event);
  else if (event.type === "token") showTyping({ author: { kind: "assistant" }, on: true });
  else if (event.type === "change" || (event.type === "conversation" && !conversation)) {
    if (typing) typing.textContent = "";
    refresh();
  }
}

setInterval(() => {
  if (document.visibilityState === "visible" && socket?.readyState !== WebSocket.OPEN) refresh();
}, GLANCE);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") refresh();
});

// --- Typing --------------------------------------------------------------------------------------------------------

let fades = 0;
function showTyping({ author, on }) {
  if (!typing || author.kind === "agent") return;
  clearTimeout(fades);
  const who = author.kind === "visitor" ? "The visitor is" : "The assistant is";
  typing.textContent = on ? `${who} writing…` : "";
  if (on) fades = setTimeout(() => (typing.textContent = ""), TYPING_SHOWN);
}

let told = 0;
reply?.addEventListener("input", () => {
  if (Date.now() - told < TYPING_SENT) return;
  told = Date.now();
  send({ type: "typing", conversation, on: true });
});

// --- Answering -----------------------------------------------------------------------------------------------------

// One answer at a time. What was pressed twice is sent once; what was written while an answer was under way goes after it.
let sent = null;
let again = false;

function refuse(words) {
  document.querySelector("[data-reply-error]").hidden = !words;
  document.querySelector("[data-reply-words]").textContent = words ? `Not sent: ${words}` : "";
}

document.addEventListener(
  "submit",
  (event) => {
    if (event.target !== reply) return;
    const text = reply.elements.text;
    if (sent === null && text.value.trim()) {
      sent = text.value;
      reply.setAttribute("aria-busy", "true");
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (sent === null) text.focus();
    else if (text.value !== sent) again = true;
  },
  true,
);

// The server says that it took the answer: the next one is another message.
document.addEventListener("replied", () => {
  if (!reply) return;
  const text = reply.elements.text;
  refuse("");
  if (sent !== null && text.value.startsWith(sent)) text.value = text.value.slice(sent.length).trimStart();
  reply.elements.client_id.value = crypto.randomUUID?.() ?? String(Math.random()).slice(2) + Date.now();
  text.focus();
  told = 0;
  if (!text.value) send({ type: "typing", conversation, on: false });
  toEnd();
});
document.addEventListener("refused", (event) => refuse(event.detail.value));

reply?.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt !== reply) return;
  const { xhr, successful } = event.detail;
  sent = null;
  reply.removeAttribute("aria-busy");
  if (!xhr.status) refuse("the server can't be reached. Your answer is still here; send it again in a moment.");
  else if (!successful) refuse(`the server refused it (${xhr.status}). Copy your answer, then load this page again.`);
  const next = successful && again && reply.elements.text.value.trim();
  again = false;
  if (next) reply.requestSubmit();
});

if (live()) {
  connect();
  if (conversation && !location.hash) toEnd();
}
