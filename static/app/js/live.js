// Lists and transcripts that follow what happens. An event of the socket only rings: what is shown is fetched again from
// the server, so that a lost or doubled event does no harm. While the socket is away, a glance every 15 seconds stands in.
//
// Other modules of a page take part by events of the document: `live:open` when the socket opens, `live:heard` for each
// of its events (detail), `live:send` (detail: a frame) to send one, `live:refresh` to fetch again.

const GLANCE = 15_000;
// A bell that was lost is rung by nobody again: who looks at a page sees what it was about within this.
const LOOKS = 60_000;
const TYPING_SHOWN = 6_000;

const live = () => document.getElementById("live");
const conversation = live()?.dataset.liveConversation;
const typing = document.querySelector("[data-typing]");
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

// Elsewhere somebody began to wait, or waits no more: of that a conversation's page shows the number alone (duty.js), and
// fetches it now and then, if it is looked at.
let counts = 0;
function countAnew() {
  counts ||= setTimeout(async () => {
    counts = 0;
    const at = document.querySelector("[data-waiting-count-at]")?.dataset.waitingCountAt;
    if (!at || document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(at, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) return;
      live().dataset.waiting = (await answer.json()).waiting;
      document.dispatchEvent(new CustomEvent("waiting"));
    } catch {
      // The next one tells.
    }
  }, GLANCE);
}

// Where the talk ends: on a phone what is known of the visitor stands below it.
function talkEnd() {
  return document.querySelector(".talk-main").getBoundingClientRect().bottom + scrollY + 16;
}

function atEnd() {
  return innerHeight + scrollY > talkEnd() - 160;
}

// What was refused in the head is in sight where it is; and of a call that is over it is its outcome and its recording
// that are looked for, which stand above.
function opensAtEnd() {
  if (!conversation || location.hash || live().querySelector("[aria-invalid]")) return false;
  return !(live().dataset.active === "no" && document.getElementById("call"));
}

// Who is at the end stays there, whatever grows, until a scroll upwards leaves it.
let follow = opensAtEnd();
let last = 0;
addEventListener(
  "scroll",
  () => {
    if (conversation && atEnd()) follow = true;
    else if (scrollY < last) follow = false;
    last = scrollY;
  },
  { passive: true },
);
// A picture takes its room only once it is there.
document.addEventListener(
  "load",
  (event) => {
    if (follow && event.target instanceof HTMLImageElement && live()?.contains(event.target)) toEnd();
  },
  true,
);
document.addEventListener("htmx:afterSettle", () => {
  if (follow) toEnd();
});
document.addEventListener("replied", toEnd);
document.addEventListener("live:refresh", refresh);
document.addEventListener("live:send", (event) => send(event.detail));

function toEnd() {
  scrollTo({ top: talkEnd() - innerHeight });
}

// A session that is over answers with the sign-in page, which has no place inside this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (new URL(xhr.responseURL).pathname === new URL(requestConfig.path, location.href).pathname) return;
  event.detail.shouldSwap = false;
  const writing = document.querySelector("[data-reply]");
  if (requestConfig.elt === writing) {
    const words = "you are signed out. Copy what you wrote, then load this page again.";
    document.dispatchEvent(new CustomEvent("refused", { detail: { words } }));
  } else if (!writing?.elements.text.value) location.reload();
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
    document.dispatchEvent(new CustomEvent("live:open"));
    // Whatever happened while nobody listened, if only since the page was made, is fetched now; and once more when the
    // server says that it listens, for what was rung until then.
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
  if (event.type === "listening") {
    refresh();
    return;
  }
  document.dispatchEvent(new CustomEvent("live:heard", { detail: event }));
  // Of other conversations a conversation's page hears as well, so that its member can be called to them.
  if (conversation && event.conversation_id !== conversation) {
    if (event.type === "conversation") countAnew();
    return;
  }
  if (event.type === "typing") showTyping(event);
  else if (event.type === "token") showTyping({ author: { kind: "assistant" }, on: true });
  else if (event.type === "change" || (event.type === "conversation" && !conversation)) {
    if (typing) typing.textContent = "";
    refresh();
  } else if (event.type === "note" || event.type === "call") refresh();
}

setInterval(() => {
  if (document.visibilityState === "visible" && socket?.readyState !== WebSocket.OPEN) refresh();
}, GLANCE);
setInterval(() => {
  if (document.visibilityState === "visible") refresh();
}, LOOKS);
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

if (live()) {
  connect();
  if (opensAtEnd()) toEnd();
}
