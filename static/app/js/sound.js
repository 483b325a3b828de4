// A telephone's microphone and loudspeaker in the browser: mu-law at 8000 Hz in and out, in base64, as telephone networks
// write it (ITU-T G.711). Who uses it decides which socket it goes over.

const BIAS = 0x84;
const CLIP = 32635;
const SILENCE = 0xff;
const FRAME = 160;
// So many frames a second and no more: after a stall they come at once, and a flood ends a call.
const MOST_FRAMES = 110;

function encoded(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const size = Math.min(CLIP, Math.abs(Math.round(sample * 32767))) + BIAS;
  const exponent = 31 - Math.clz32(size >> 7);
  return ~(sign | (exponent << 4) | ((size >> (exponent + 3)) & 0x0f)) & 0xff;
}

const DECODED = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const size = ((((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 7)) - BIAS;
  return (bits & 0x80 ? -size : size) / 32768;
});

const written = (bytes) => btoa(String.fromCharCode(...bytes));
const read = (payload) => Float32Array.from(atob(payload), (letter) => DECODED[letter.charCodeAt(0)]);

// Why there is no sound: `words` say what is the matter and what to do about it.
export class NoSound extends Error {
  constructor(words) {
    super(words);
    this.words = words;
  }
}

const TROUBLES = {
  NotAllowedError:
    "The microphone is not allowed for this page. Allow it at the address bar’s lock or in the browser’s settings, and call again.",
  NotFoundError: "No microphone was found. Plug one in, or switch it on in the system’s settings, and call again.",
  NotReadableError: "The microphone is there but can’t be used: another program may hold it. Close that one, and call again.",
};

export class Sound {
  // `worklet`: the address of sound_worklet.js. `onFrame(payload)`: 20 ms of the microphone. `onMark(name)`: what came
  // before the mark was played. `onLevel(who, level)`: how loud "you" or "them" are, 0 to 1. `onLost(words)`: the
  // microphone went away in the middle of it.
  constructor({ worklet, onFrame, onMark, onLevel, onLost }) {
    Object.assign(this, { worklet, onFrame, onMark, onLevel, onLost });
    this.isMuted = false;
    this.second = 0;
    this.frames = 0;
    // What is to be played before the microphone was given; {samples}, {mark}.
    this.early = [];
  }

  // Begin to play, then ask for the microphone and listen. `NoSound` where there is none of either; what plays by then
  // goes on until `close`.
  async open() {
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode)
      throw new NoSound(
        window.isSecureContext
          ? "This browser gives pages no microphone. Call with a newer one."
          : "A browser gives the microphone to pages over https alone, or at 127.0.0.1. Open Convoship at such an address.",
      );
    const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
    try {
      await context.audioWorklet.addModule(this.worklet);
      await context.resume();
    } catch (error) {
      throw new NoSound(`The browser could not begin to play sound (${error.name}). Reload the page, and call again.`);
    }
    // Somebody may have hung up meanwhile; so below.
    if (!this.context) return;
    this.mouth = new AudioWorkletNode(context, "telephone-mouth", { numberOfInputs: 0, outputChannelCount: [1] });
    this.mouth.port.onmessage = ({ data }) => {
      if (data.mark !== undefined) this.onMark(data.mark);
      else this.onLevel("them", data.level);
    };
    this.mouth.connect(context.destination);
    for (const what of this.early.splice(0)) this.put(what);
    const stream = await this.microphone();
    if (!this.context) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.stream = stream;
    this.ear = new AudioWorkletNode(context, "telephone-ear", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.ear.port.onmessage = ({ data }) => this.heard(data.frame);
    context.createMediaStreamSource(stream).connect(this.ear);
    for (const track of stream.getTracks())
      track.addEventListener("ended", () => this.context && this.onLost("The microphone went away: you are not heard any more."));
  }

  async microphone() {
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      throw new NoSound(TROUBLES[error.name] ?? `The microphone can’t be used (${error.name}).`);
    }
  }

  heard(frame) {
    if (!this.context) return;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) [this.second, this.frames] = [second, 0];
    this.frames += 1;
    if (this.frames > MOST_FRAMES) return;
    let loudness = 0;
    for (const sample of frame) loudness += sample * sample;
    this.onLevel("you", this.isMuted ? 0 : Math.sqrt(loudness / frame.length));
    // Who is muted is silent, and time goes on.
    this.onFrame(written(this.isMuted ? new Uint8Array(FRAME).fill(SILENCE) : Uint8Array.from(frame, encoded)));
  }

  play(payload) {
    this.put({ samples: read(payload) });
  }

  mark(name) {
    this.put({ mark: name });
  }

  put(what) {
    if (this.mouth) this.mouth.port.postMessage(what);
    else this.early.push(what);
  }

  // Throw away what was not played yet.
  clear() {
    this.mouth?.port.postMessage({ clear: true });
    for (const { mark } of this.early.splice(0)) if (mark !== undefined) this.onMark(mark);
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.context?.close();
    this.context = this.stream = this.ear = this.mouth = null;
    this.onLevel("you", 0);
    this.onLevel("them", 0);
  }
}
