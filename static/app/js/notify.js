// Calls the member when somebody begins to wait, or writes to them: a sound, a notification of the desktop, and a number
// in the title. Each is asked for by a button and kept for this browser. However many tabs are open, one of them calls.

const KEY = "convoship:notify";
const SOONEST = 4_000;
const box = document.querySelector("[data-notify]");
const me = box?.dataset.notify;
const here = document.getElementById("live")?.dataset.liveConversation;
const talk = "BroadcastChannel" in window ? new BroadcastChannel("convoship:notify") : null;
const title = document.title;

function wishes() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || {};
  } catch {
    return {};
  }
}

function keep(changes) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...wishes(), ...changes }));
  } catch {
    // Then it lasts as long as the page, which is not at all.
  }
}

// --- One tab calls ---------------------------------------------------------------------------------------------------

// Whoever holds the lock; it passes on when that tab closes. Without locks the tab that is looked at calls.
let leads = false;
if (navigator.locks) navigator.locks.request("convoship:notify", () => ((leads = true), new Promise(() => {})));

const isCaller = () => (navigator.locks ? leads : document.visibilityState === "visible");
const isLookedAt = () => document.visibilityState === "visible" && document.hasFocus();

// --- What calls --------------------------------------------------------------------------------------------------------

const called = new Map();
const seen = new Map();
let missed = 0;

talk?.addEventListener("message", ({ data }) => seen.set(data, Date.now()));

document.addEventListener("live:heard", ({ detail: event }) => {
  if (event.type !== "conversation" || event.is_test || event.status !== "active") return;
  const waits = event.control === "waiting" && `${event.conversation_id} ${event.waiting_since}`;
  const writes = event.control === "human" && event.by === "visitor" && event.assigned_to === me;
  if (!waits && !writes) return;
  if (waits && called.has(waits)) return;
  if (writes && Date.now() - (called.get(event.conversation_id) ?? 0) < SOONEST) return;
  called.set(waits || event.conversation_id, Date.now());
  if (here === event.conversation_id && isLookedAt()) {
    talk?.postMessage(event.conversation_id);
    return;
  }
  // A moment for the tab in which this conversation is being read to say so.
  const since = Date.now();
  setTimeout(() => {
    if ((seen.get(event.conversation_id) ?? 0) >= since - 1000) return;
    if (!isLookedAt()) missed += 1;
    badge();
    if (isCaller()) call(event.conversation_id, waits ? "Somebody waits for a person." : "A visitor has written to you.");
  }, 250);
});

function call(conversationId, words) {
  const { sound, desktop } = wishes();
  if (sound) play();
  if (desktop && !isLookedAt() && "Notification" in window && Notification.permission === "granted") {
    const note = new Notification("Convoship", { body: words, tag: conversationId });
    note.addEventListener("click", () => {
      note.close();
      focus();
      location.assign(`/app/conversations/${conversationId}/`);
    });
  }
}

let audio = null;
function play() {
  audio ??= new AudioContext();
  // A page that nobody has touched yet may make no sound; then there is none.
  audio.resume();
  for (const [pitch, at] of [[660, 0], [880, 0.14]]) {
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    const start = audio.currentTime + at;
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.0001, start);
    loudness.gain.exponentialRampToValueAtTime(0.15, start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.22);
    tone.connect(loudness).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.25);
  }
  box?.dispatchEvent(new CustomEvent("played"));
}

// --- The title -----------------------------------------------------------------------------------------------------------

function badge() {
  const waiting = Number(document.querySelector('[data-chip="waiting"] .chip-count')?.textContent ?? 0);
  const count = waiting + missed;
  document.title = count ? `(${count}) ${title}` : title;
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  missed = 0;
  badge();
});
addEventListener("focus", () => {
  missed = 0;
  badge();
});
document.addEventListener("htmx:afterSettle", badge);
badge();

// --- The buttons ---------------------------------------------------------------------------------------------------------

const sound = box?.querySelector("[data-notify-sound]");
const desktop = box?.querySelector("[data-notify-desktop]");
const refused = box?.querySelector("[data-notify-refused]");

function paint() {
  sound.setAttribute("aria-pressed", String(Boolean(wishes().sound)));
  const isGranted = "Notification" in window && Notification.permission === "granted";
  desktop.setAttribute("aria-pressed", String(Boolean(wishes().desktop) && isGranted));
}

if (sound && desktop) {
  box.hidden = false;
  sound.addEventListener("click", () => {
    keep({ sound: !wishes().sound });
    if (wishes().sound) play();
    paint();
  });
  desktop.hidden = !("Notification" in window);
  desktop.addEventListener("click", async () => {
    const turnsOn = desktop.getAttribute("aria-pressed") !== "true";
    const answer = turnsOn ? await Notification.requestPermission() : "off";
    keep({ desktop: answer === "granted" });
    refused.hidden = answer !== "denied";
    paint();
  });
  paint();
}
