// A rehearsed telephone. The call lives in the server's process, at the other end of this page's socket: it speaks word
// by word and listens, and this page shows what is said, to whom, and how far it was spoken. Closing the page hangs up.

const phone = document.querySelector("[data-telephone]");
const controls = document.querySelector("[data-controls]");
const find = (name) => document.querySelector(`[data-${name}]`);
const [callForm, sayForm, words, caller] = [
  find("call-form"),
  find("say-form"),
  document.getElementById("words"),
  document.getElementById("caller"),
];
const [lines, state, time, withWhom, rings, refused] = ["lines", "state", "time", "with", "rings", "refused"].map(find);
const [read, away] = ["read", "away"].map(find);

let socket = null;
let tries = 0;
// Since when the caller's line is up; 0: it is not. `goes`: somebody calls, or talks.
let since = 0;
let goes = false;
let hasPerson = false;
let queue = "";
// What is spoken, by its number: {item, text, letters}.
const speeches = new Map();
const speaking = new Set();

// --- Calls by sound ------------------------------------------------------------------------------------------------

// The microphone and loudspeaker of this page while a call's sound goes to the server; null: none.
let sound = null;
const meters = Object.fromEntries([...document.querySelectorAll("[data-level]")].map((one) => [one.dataset.level, one]));
const drawn = { you: 0, them: 0 };

// -50 dB is nothing, 0 dB all of it; it falls slower than it rises.
function level(who, loudness) {
  const height = loudness > 0 ? Math.max(0, 1 + (20 * Math.log10(loudness)) / 50) : 0;
  drawn[who] = sound ? Math.max(height, drawn[who] - 0.04) : 0;
  meters[who].value = drawn[who];
}

async function bySound() {
  if (sound || !phone.dataset.sound) return;
  const { Sound } = await import(phone.dataset.sound);
  const mine = (sound = new Sound({
    worklet: phone.dataset.worklet,
    onFrame: (payload) => sound === mine && send({ type: "sound", payload }),
    onMark: (name) => sound === mine && send({ type: "sound_mark", name }),
    onLevel: level,
    onLost: (words) => note(words, true),
  }));
  find("by-sound").hidden = false;
  arrange();
  try {
    await mine.open();
    if (sound !== mine) mine.close();
  } catch (error) {
    note(`${error.words ?? error.message} Until then the assistant hears nothing of you but keys.`, true);
  }
}

function silence() {
  const ended = sound;
  sound = null;
  ended?.close();
  find("mute")?.setAttribute("aria-pressed", "false");
  if (find("by-sound")) find("by-sound").hidden = true;
}

// --- What is shown -------------------------------------------------------------------------------------------------

function line(kind, foot = "") {
  find("first")?.remove();
  const item = document.createElement("li");
  item.className = kind;
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  item.append(bubble);
  if (foot) {
    const small = document.createElement("p");
    small.className = "small faint";
    small.textContent = foot;
    item.append(small);
  }
  lines.append(item);
  return item;
}

function note(text, isBad = false) {
  const item = line("not-taken");
  item.firstChild.textContent = text;
  if (isBad) item.firstChild.classList.add("bad-ink");
}

function link(text, address) {
  return Object.assign(document.createElement("a"), { textContent: text, href: address, target: "_blank", rel: "noopener" });
}

function draw(speech, isOver = false) {
  const spoken = document.createElement("span");
  spoken.textContent = speech.text.slice(0, speech.letters);
  const rest = document.createElement("span");
  rest.textContent = speech.text.slice(speech.letters);
  rest.className = isOver ? "unheard" : "to-come";
  speech.item.firstChild.replaceChildren(spoken, rest);
}

const CALLED = {
  ringing: "Rings",
  "in-progress": "On the line",
  completed: "Over",
  busy: "Busy",
  "no-answer": "Not answered",
  failed: "Failed",
  canceled: "Canceled",
};

function clock() {
  if (!since) return;
  const seconds = Math.floor((Date.now() - since) / 1000);
  time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
setInterval(clock, 500);

function arrange() {
  const before = document.activeElement;
  sayForm.hidden = !goes && !hasPerson;
  callForm.hidden = goes;
  find("who").hidden = !(goes && hasPerson);
  if (goes && !hasPerson) choose("caller");
  if (!goes && hasPerson) choose("person");
  find("take").hidden = !queue;
  find("interrupt").disabled = !speaking.size;
  // Where sound itself is heard, nobody hears what is written.
  words.closest(".field").hidden = find("interrupt").hidden = Boolean(sound);
  time.hidden = !since;
  // Whoever worked with what is hidden now goes on with what took its place.
  if (before && before !== document.body && before.closest("[hidden]")) onward().focus();
}

const onward = () => (sayForm.hidden ? caller : sound ? find("hang-up") : words);
const who = () => sayForm.elements.who.value || "caller";
function choose(role) {
  for (const one of sayForm.querySelectorAll("[name=who]")) one.checked = one.value === role;
}

// --- What happens on the lines -------------------------------------------------------------------------------------

const heard = {
  status(what) {
    if (what.who === "caller") {
      goes = !["completed", "busy", "failed", "no-answer", "canceled"].includes(what.status);
      state.textContent = CALLED[what.status] ?? what.status;
      if (what.other) {
        withWhom.textContent = `Call from ${what.other}`;
        withWhom.hidden = false;
      }
      if (what.status === "in-progress") since = Date.now();
    } else if (what.status === "in-progress") {
      hasPerson = true;
      choose("person");
      note("The other person picks up: what you say and press now is theirs, until you choose “The caller” again.");
    }
  },
  conversation(what) {
    read.firstElementChild.href = what.url;
    read.hidden = false;
    if (goes) keepCall(what.url);
  },
  speech(what) {
    const item = line(what.who === "person" ? "heard other" : "heard", what.who === "person" ? "To the other person" : "");
    item.lang = what.lang;
    const speech = { item, text: what.text, letters: 0, lang: what.lang, said: 0 };
    speeches.set(what.id, speech);
    speaking.add(what.id);
    draw(speech);
    if (what.text) aloud(speech, true);
  },
  speech_more(what) {
    const speech = speeches.get(what.id);
    if (!speech) return;
    speech.text += what.text;
    draw(speech);
    aloud(speech, what.last);
  },
  spoken(what) {
    const speech = speeches.get(what.id);
    if (!speech) return;
    speech.letters = what.letters;
    draw(speech);
  },
  speech_over(what) {
    const speech = speeches.get(what.id);
    speaking.delete(what.id);
    if (!speech) return;
    speech.letters = what.letters;
    draw(speech, true);
    if (speech.letters < speech.text.trimEnd().length) {
      speechSynthesis?.cancel();
      const small = document.createElement("p");
      small.className = "small faint";
      small.textContent = speech.letters ? "Cut off: the rest was never heard" : "Never heard";
      speech.item.append(small);
    }
    speeches.delete(what.id);
  },
  said(what) {
    line(what.who === "person" ? "said other" : "said", what.who === "person" ? "The other person" : "").firstChild.textContent =
      what.text;
  },
  pressed(what) {
    line(what.who === "person" ? "said other key" : "said key", "Key").firstChild.textContent = what.key;
  },
  unheard(what) {
    note(`“${what.text}” was not heard: nobody listened just then.`);
  },
  plays(what) {
    note(what.source === "music" ? "Music plays." : `Plays ${what.source}`);
  },
  listens(what) {
    phone.classList.toggle("listens", what.on);
  },
  records(what) {
    note(what.on ? "Records what is said now. A key ends it." : "Records no more.");
  },
  recording() {
    note("The call is recorded.");
  },
  relay(what) {
    find("cut").hidden = !what.on;
    note(what.on ? "ConversationRelay listens, word by word." : "ConversationRelay has ended.");
  },
  stream(what) {
    find("cut").hidden = !what.on;
    note(what.on ? "The call goes by sound: speak." : `The sound has ended: ${what.sent} frames there, ${what.heard} back.`);
    if (what.on) bySound();
    else silence();
  },
  sound(what) {
    sound?.play(what.payload);
  },
  sound_mark(what) {
    sound?.mark(what.name);
  },
  sound_clear() {
    sound?.clear();
  },
  language(what) {
    note(`Speaks ${what.speaks} now, and hears ${what.hears}.`);
  },
  digits(what) {
    note(`Tones: ${what.digits}`);
  },
  queued(what) {
    queue = what.on ? what.name : "";
    note(what.on ? `Waits in the queue “${what.name}”.` : "Is out of the queue.");
  },
  joined(what) {
    note(what.on ? "Both are connected: they talk with each other." : "The connection between the two has ended.");
  },
  trouble(what) {
    note(what.code ? `${what.code}: ${what.text}` : what.text, Boolean(what.code));
  },
  rings(what) {
    const box = document.createElement("div");
    box.className = "phone-ring";
    box.dataset.sid = what.sid;
    const text = document.createElement("p");
    text.append("It rings at ", Object.assign(document.createElement("strong"), { textContent: what.to }), what.by === "api" ? ": Convoship calls." : ": the call is put through.");
    const row = document.createElement("div");
    row.className = "row";
    for (const [how, label] of [
      ["answered", "Answer"],
      ["busy", "Busy"],
      ["no-answer", "Let it ring out"],
      ["failed", "No such number"],
    ]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = how === "answered" ? "button primary tight" : "button tight";
      button.textContent = label;
      button.addEventListener("click", () => {
        send({ type: "pick", sid: what.sid, how });
        gone(what.sid);
      });
      row.append(button);
    }
    box.append(text, row);
    rings.append(box);
  },
  gone(what) {
    gone(what.sid);
  },
  ended(what) {
    gone(what.sid);
    if (what.who === "person") {
      hasPerson = false;
      note(`The other person’s line is free again.${goes ? " What you say and press now is the caller’s." : ""}`);
      return;
    }
    goes = false;
    since = 0;
    queue = "";
    silence();
    keepCall("");
    withWhom.hidden = true;
    find("cut").hidden = true;
    state.textContent = what.how === "dropped" ? "Line dropped" : "Over";
    if (what.how === "dropped") note("The line was dropped. Twilio told Convoship nothing: it finds out by asking.", true);
    else if (what.how === "hung_up_on") note("The call was ended at the other end.");
    else if (what.how === "hung_up") note("You hung up.");
    else note(`The call ended: ${(CALLED[what.how] ?? what.how).toLowerCase()}.`);
  },
  lost() {
    note("A call was lost with the server that played it. Convoship finds that out by asking Twilio.", true);
  },
  refused(what) {
    refused.textContent = what.detail;
    refused.hidden = false;
    if (goes) note(what.detail, true);
  },
};

function gone(sid) {
  const box = rings.querySelector(`[data-sid="${sid}"]`);
  const hadFocus = box?.contains(document.activeElement);
  box?.remove();
  if (hadFocus) onward().focus();
}

// --- A page that is left, and a connection that is lost ------------------------------------------------------------

// The call that goes on in this tab, by where it can be read: what loads next finds it if the page was left meanwhile.
const KEPT = `telephone:${location.pathname}`;

function keepCall(address) {
  try {
    if (address) sessionStorage.setItem(KEPT, address);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Storage that is shut: a call that was left is not told of.
  }
}

function tellOfLastCall() {
  let address = null;
  try {
    address = sessionStorage.getItem(KEPT);
  } catch {
    return;
  }
  if (!address) return;
  keepCall("");
  const item = line("not-taken");
  item.firstChild.append("Your last call ended when this page was left. ", link("Read the call", address));
}

let isLeft = false;
window.addEventListener("pagehide", () => (isLeft = true));
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
window.addEventListener("beforeunload", (event) => {
  if (goes || hasPerson) event.preventDefault();
});

const BEAT = 4_000;
const PATIENCE = 8_000;
// When the server was asked whether it is there; 0: it has answered.
let asked = 0;

function beat() {
  if (socket?.readyState === WebSocket.OPEN && !asked) {
    asked = Date.now();
    send({ type: "ping" });
  }
  lookAround();
}

function lookAround() {
  if (!away) return;
  const isAway = !navigator.onLine || (asked && Date.now() - asked > PATIENCE);
  const words = goes || hasPerson ? "No connection to Convoship: what you say waits." : "No connection to Convoship. It is tried again.";
  if (isAway) away.querySelector("[data-away-words]").textContent = words;
  away.hidden = !isAway;
}
setInterval(beat, BEAT);
window.addEventListener("offline", lookAround);
window.addEventListener("online", beat);

// --- The socket ----------------------------------------------------------------------------------------------------

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${phone.dataset.socket}`);
  socket.addEventListener("open", () => {
    tries = asked = 0;
    phone.dataset.ready = "";
    tricks();
    arrange();
  });
  socket.addEventListener("message", (event) => {
    const what = JSON.parse(event.data);
    asked = 0;
    heard[what.type]?.(what);
    arrange();
    lookAround();
  });
  socket.addEventListener("close", (event) => {
    if (isLeft) return;
    socket = null;
    asked = 0;
    delete phone.dataset.ready;
    if (event.code === 4401 || event.code === 4403) {
      goes = hasPerson = false;
      location.reload();
      return;
    }
    if (goes || hasPerson) {
      note("The line was cut: the server that played the call went away. Convoship finds that out by asking Twilio.", true);
      state.textContent = "Line cut";
      keepCall("");
      withWhom.hidden = true;
      speechSynthesis?.cancel();
    }
    goes = hasPerson = false;
    since = 0;
    queue = "";
    silence();
    speaking.clear();
    rings.replaceChildren();
    tries += 1;
    arrange();
    setTimeout(connect, Math.min(15_000, 400 * 2 ** tries) * (0.5 + Math.random() / 2));
  });
}

function send(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

// --- What the tester does ------------------------------------------------------------------------------------------

function tricks() {
  const frame = { type: "tricks" };
  for (const field of controls.querySelectorAll("[data-trick]"))
    frame[field.dataset.trick] = field.type === "checkbox" ? field.checked : field.value;
  send(frame);
}

function say(text) {
  const spoken = text.trim();
  if (!spoken) return;
  send({ type: "say", who: who(), text: spoken });
  words.value = "";
}

if (phone && controls) {
  callForm.addEventListener("submit", (event) => {
    event.preventDefault();
    refused.hidden = true;
    if (socket?.readyState !== WebSocket.OPEN) {
      refused.textContent = "The server can’t be reached. It is tried again.";
      refused.hidden = false;
      return;
    }
    lines.replaceChildren();
    read.hidden = true;
    send({ type: "call", caller: caller.value.trim() });
  });
  sayForm.addEventListener("submit", (event) => {
    event.preventDefault();
    say(words.value);
    words.focus();
  });
  find("interrupt").addEventListener("click", () => say(words.value || "Wait, please."));
  find("hang-up").addEventListener("click", () => send({ type: "hang_up", who: who() }));
  find("drop").addEventListener("click", () => send({ type: "drop" }));
  find("cut").addEventListener("click", () => send({ type: "cut_relay" }));
  find("mute")?.addEventListener("click", (event) => {
    if (sound) sound.isMuted = !sound.isMuted;
    event.currentTarget.setAttribute("aria-pressed", String(Boolean(sound?.isMuted)));
  });
  find("take").addEventListener("click", () => send({ type: "take", queue }));
  for (const key of sayForm.querySelectorAll("[data-key]"))
    key.addEventListener("click", () => send({ type: "key", who: who(), key: key.dataset.key }));
  // Digits are keys wherever nothing is written.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || sayForm.hidden) return;
    if (event.target.closest("input, select, textarea") || !/^[0-9*#]$/.test(event.key)) return;
    send({ type: "key", who: who(), key: event.key });
  });
  for (const field of controls.querySelectorAll("[data-trick]")) field.addEventListener("change", tricks);
  tellOfLastCall();
  connect();
}

// --- Ears and a voice, where the browser has them -----------------------------------------------------------------

const speaker = document.getElementById("speaker");
if (speaker && "speechSynthesis" in window) find("speaker-field").hidden = false;
speaker?.addEventListener("change", () => speaker.checked || speechSynthesis.cancel());

// Sentence by sentence: a voice that is given words one by one stumbles.
function aloud(speech, isWhole) {
  if (!speaker?.checked) return;
  const rest = speech.text.slice(speech.said);
  const ends = isWhole ? rest.length : Math.max(rest.lastIndexOf(". "), rest.lastIndexOf("? "), rest.lastIndexOf("! ")) + 1;
  if (ends <= 0) return;
  const utterance = new SpeechSynthesisUtterance(rest.slice(0, ends));
  utterance.lang = speech.lang;
  speechSynthesis.speak(utterance);
  speech.said += ends;
}

const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;
const mic = find("mic");
if (mic && Recognition) {
  mic.hidden = false;
  let ear = null;
  mic.addEventListener("click", () => {
    if (ear) {
      ear.stop();
      return;
    }
    ear = new Recognition();
    ear.lang = document.querySelector("[data-lines] li.heard:last-of-type")?.lang || navigator.language;
    ear.interimResults = true;
    ear.addEventListener("result", (event) => {
      const result = event.results[event.results.length - 1];
      if (result.isFinal) say(result[0].transcript);
      else words.value = result[0].transcript;
    });
    ear.addEventListener("error", (event) => note(`The microphone can’t be used (${event.error}). Write instead.`));
    ear.addEventListener("end", () => {
      ear = null;
      mic.setAttribute("aria-pressed", "false");
    });
    mic.setAttribute("aria-pressed", "true");
    ear.start();
  });
}
