// The telephone of a rehearsed voice gateway: the browser is the gateway. It asks for a ticket, opens the socket of the
// call's sound, and speaks Media Streams' frames over it (docs/voice-streams.md). Closing the page hangs up.

const phone = document.querySelector("[data-gateway-phone]");
const find = (name) => phone.querySelector(`[data-${name}]`);
const [call, hangUp, mute, state, time, trouble, away, before, live, keys] = [
  ...["call", "hang-up", "mute", "state", "time", "trouble", "trouble-link", "before", "live", "keys"].map(find),
];
const { Sound, NoSound } = await import(phone.dataset.sound);

const OPENS_WITHIN = 15_000;

// The call that goes on: {sound, socket, id, since, why}. null: none.
let now = null;

const CLOSED = {
  1000: ["Over", ""],
  1008: ["Cut off", "Too much sound came at once: the browser had stalled. Call again."],
  1009: ["Cut off", "A frame was too large. Call again."],
  1012: ["Cut off", "The process that carries sound was started anew. Call again."],
  1013: ["Not taken", "The server carries as many calls as it may. Wait until one has ended, or raise MEDIA_MOST_CALLS."],
  4400: ["Cut off", "The frames could not be read. Set “Frames” to Media Streams in the connection’s settings."],
  4401: ["Not taken", "The call’s ticket was not taken: it was used already, or older than a minute. Call again."],
  4408: ["Not taken", "The call began too late. Call again."],
};

function say(words, address = "") {
  trouble.querySelector("[data-words]").textContent = words;
  trouble.hidden = !words;
  away.hidden = !address;
  if (address) away.href = address;
}

function arrange() {
  const goes = Boolean(now);
  const hadFocus = phone.contains(document.activeElement);
  before.hidden = goes;
  live.hidden = !goes;
  time.hidden = !now?.since;
  if (hadFocus && document.activeElement.closest("[hidden]")) (goes ? hangUp : call).focus();
}

const meters = Object.fromEntries([...phone.querySelectorAll("[data-level]")].map((one) => [one.dataset.level, one]));
const drawn = { you: 0, them: 0 };

// The ear hears loudness by its logarithm: -50 dB is nothing, 0 dB all of it. It falls slower than it rises.
function level(who, loudness) {
  const height = loudness > 0 ? Math.max(0, 1 + (20 * Math.log10(loudness)) / 50) : 0;
  drawn[who] = now ? Math.max(height, drawn[who] - 0.04) : 0;
  meters[who].value = drawn[who];
}

setInterval(() => {
  if (!now?.since) return;
  const seconds = Math.floor((Date.now() - now.since) / 1000);
  time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}, 500);

// --- A call --------------------------------------------------------------------------------------------------------

async function ticket() {
  const form = new FormData(phone.querySelector("form"));
  let answer;
  try {
    answer = await fetch(phone.dataset.ticket, { method: "POST", body: form, headers: { Accept: "application/json" } });
  } catch {
    throw new NoSound("Convoship can’t be reached. Look at your network, and call again.");
  }
  const said = await answer.json().catch(() => null);
  if (said?.ticket) return said;
  if (!said || answer.redirected) {
    // A session that is over answers with another page.
    location.reload();
    throw new NoSound("You are signed out: the page is loaded again.");
  }
  throw new NoSound([said.refused ?? said.detail, said.hint].filter(Boolean).join(" "));
}

function send(frame) {
  const socket = now?.socket;
  if (socket?.readyState !== WebSocket.OPEN) return;
  // Four seconds of sound lie there and don't leave: what is said now is not sent after it.
  if (frame.event === "media" && socket.bufferedAmount > 60_000) {
    say("The network is too slow for your voice: some of what you say is lost.");
    return;
  }
  socket.send(JSON.stringify(frame));
}

function heard(frame) {
  if (frame.event === "media") now.sound.play(frame.media.payload);
  else if (frame.event === "mark") now.sound.mark(frame.mark.name);
  else if (frame.event === "clear") now.sound.clear();
}

function open(mine, given) {
  const socket = (mine.socket = new WebSocket(given.socket_url));
  let wasOpen = false;
  socket.addEventListener("open", () => {
    wasOpen = true;
    const start = {
      streamSid: given.call_id,
      callSid: given.call_id,
      tracks: ["inbound"],
      customParameters: { ticket: given.ticket },
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
    };
    send({ event: "start", streamSid: given.call_id, start });
    mine.since = Date.now();
    state.textContent = "On the line";
    arrange();
  });
  socket.addEventListener("message", (event) => now === mine && heard(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    if (now !== mine) return;
    if (wasOpen) {
      const [words, why] = CLOSED[event.code] ?? ["Cut off", "The connection to the process that carries sound was lost. Call again."];
      over(words, why, why && event.code !== 1012 ? given.call_url : "");
      return;
    }
    unreachable();
  });
  // A firewall that answers nothing leaves a browser waiting for minutes.
  setTimeout(() => now === mine && !wasOpen && mine.socket === socket && unreachable(), OPENS_WITHIN);

  function unreachable() {
    const server = new URL(given.socket_url).host;
    over(
      "Not connected",
      `No socket opened at ${server}: the process that carries the sound of calls doesn’t run there, or can’t be reached from this browser. ` +
        "make run starts it where the voice packages are installed (make voice); else see “Speech engines of your own” in docs/voice.md. Events says whether the call was refused.",
      given.call_url,
    );
    socket.close();
  }
}

async function begin() {
  say("");
  const mine = (now = { sound: null, socket: null, since: 0 });
  mine.sound = new Sound({
    worklet: phone.dataset.worklet,
    onFrame: (payload) => now === mine && send({ event: "media", media: { track: "inbound", payload } }),
    onMark: (name) => now === mine && send({ event: "mark", mark: { name } }),
    onLevel: level,
    onLost: say,
  });
  setMuted(false);
  keys.textContent = "";
  keys.parentElement.hidden = true;
  state.textContent = "Asks for the microphone";
  arrange();
  try {
    await mine.sound.open();
    if (now !== mine) return mine.sound.close();
    state.textContent = "Calls";
    const given = await ticket();
    if (now === mine) open(mine, given);
  } catch (error) {
    if (now === mine) over("No call", error.words ?? `The call could not begin: ${error.message}`);
    if (!(error instanceof NoSound)) throw error;
  }
}

function over(words, why = "", address = "") {
  const ended = now;
  now = null;
  ended?.sound?.close();
  state.textContent = words;
  say(why, address);
  arrange();
}

function end() {
  send({ event: "stop", stop: {} });
  const socket = now?.socket;
  over("You hung up");
  socket?.close(1000);
}

// --- What the tester does ------------------------------------------------------------------------------------------

function setMuted(isMuted) {
  if (now?.sound) now.sound.isMuted = isMuted;
  mute.setAttribute("aria-pressed", String(isMuted));
}

function press(key) {
  send({ event: "dtmf", dtmf: { track: "inbound_track", digit: key } });
  keys.textContent = `${keys.textContent}${key}`.slice(-20);
  keys.parentElement.hidden = false;
}

call.addEventListener("click", begin);
hangUp.addEventListener("click", end);
mute.addEventListener("click", () => setMuted(mute.getAttribute("aria-pressed") !== "true"));
for (const key of phone.querySelectorAll("[data-key]")) key.addEventListener("click", () => press(key.dataset.key));
// Digits are keys wherever nothing is written.
document.addEventListener("keydown", (event) => {
  if (!now?.since || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea") || !/^[0-9*#]$/.test(event.key)) return;
  press(event.key);
});
window.addEventListener("pagehide", () => now && end());
window.addEventListener("pageshow", (event) => event.persisted && arrange());
window.addEventListener("beforeunload", (event) => {
  if (now?.since) event.preventDefault();
});
call.disabled = phone.hasAttribute("data-lacks");
arrange();
phone.dataset.ready = "";
