// Lists and transcripts that follow what happens. An event of the socket only rings: what is shown is fetched again from
// the server, so that a lost or doubled event does no harm. While the socket is away, a glance every 15 seconds stands in.

const GLANCE = 15_000;
const TYPING_SHOWN = 6_000;
const TYPING_SENT = 3_000;

const live = () => document.getElementById("live");
const conversation = live()?.dataset.liveConversation;
const typing = document.querySelector("[data-typing]");
const reply = document.querySelector("[data-reply]");

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
    delete reply.dataset.sent;
    reply.removeAttribute("aria-busy");
  }
});

function toEnd() {
  scrollTo({ top: talkEnd() - innerHeight });
}

// --- The socket ----------------------------------------------------------------------------------------------------

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/app/socket`);
  socket.addEventListener("open", () => {
    tries = 0;
    send(conversation ? { type: "subscribe", conversation } : { type: "subscribe", list: true });
    // Whatever happened while nobody listened, if only since the page was made, is fetched now.
    refresh();
  });
  socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    socket = null;
    if (event.code === 4401) location.reload();
    tries += 1;
    setTimeout(connect, Math.min(30_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2));
  });
}

function send(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

function hear(event) {
  if (event.type === "typing") showTyping(event);
  else if (event.type === "token") showTyping({ author: { kind: "assistant" }, on: true });
  else if (event.type === "change" || event.type === "conversation") {
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

// The server says that it took the answer: the next one is another message.
document.addEventListener("replied", () => {
  if (!reply) return;
  reply.reset();
  reply.elements.text.value = "";
  reply.elements.client_id.value = crypto.randomUUID?.() ?? String(Math.random()).slice(2) + Date.now();
  reply.elements.text.focus();
  told = 0;
  send({ type: "typing", conversation, on: false });
  toEnd();
});

if (live()) {
  connect();
  if (conversation && !location.hash) toEnd();
}
