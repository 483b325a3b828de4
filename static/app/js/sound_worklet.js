// In the audio thread of a telephone: the microphone's sound leaves as frames of a telephone line (8000 Hz, 20 ms), and
// a line's sound is played. Both are resampled by windowed sinc, so that nothing above 4 kHz folds into speech.

const LINE = 8000;
const FRAME = 160;
// Of the kernel: how many zero crossings to either side, and into how many phases a sample's distance is cut.
const LOBES = 24;
const PHASES = 64;
// How often it is told how loud the other side is, in samples of the line.
const LEVEL_EVERY = 400;

class Resampler {
  constructor(from, to) {
    this.step = from / to;
    const cut = Math.min(1, to / from);
    const half = (this.half = Math.ceil(LOBES / cut));
    this.kernels = Array.from({ length: PHASES + 1 }, (_, phase) => {
      const kernel = new Float32Array(2 * half);
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap += 1) {
        const at = tap - half + 1 - phase / PHASES;
        const x = Math.PI * at * cut * 0.95;
        const window = Math.abs(at) >= half ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * at) / half);
        kernel[tap] = (x === 0 ? 1 : Math.sin(x) / x) * window;
        sum += kernel[tap];
      }
      return kernel.map((value) => value / sum);
    });
    this.kept = new Float32Array(2 * half);
    this.place = half;
  }

  push(samples) {
    const all = new Float32Array(this.kept.length + samples.length);
    all.set(this.kept);
    all.set(samples, this.kept.length);
    const found = [];
    let place = this.place;
    for (; place + this.half + 1 < all.length; place += this.step) {
      const whole = Math.floor(place);
      const kernel = this.kernels[Math.round((place - whole) * PHASES)];
      const begin = whole - this.half + 1;
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap += 1) sum += kernel[tap] * all[begin + tap];
      found.push(sum);
    }
    const done = Math.max(0, Math.floor(place) - this.half);
    this.kept = all.slice(done);
    this.place = place - done;
    return found;
  }
}

// The microphone: posts {frame}, 160 samples each.
class Ear extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, LINE);
    this.waiting = [];
  }

  process(inputs) {
    const channel = inputs[0]?.[0];
    if (!channel) return true;
    this.waiting.push(...this.resampler.push(channel));
    while (this.waiting.length >= FRAME) {
      const frame = Float32Array.from(this.waiting.splice(0, FRAME));
      this.port.postMessage({ frame }, [frame.buffer]);
    }
    return true;
  }
}

// The loudspeaker: is sent {samples}, {mark} and {clear}; posts {mark} once what came before it was played, or thrown
// away, and {level}.
class Mouth extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(LINE, sampleRate);
    this.queue = [];
    this.ready = [];
    this.loudness = 0;
    this.counted = 0;
    this.port.onmessage = ({ data }) => {
      if (data.clear) this.clear();
      else this.queue.push(data.mark === undefined ? { samples: data.samples, at: 0 } : { mark: data.mark });
    };
  }

  clear() {
    for (const one of this.queue) if (one.mark !== undefined) this.port.postMessage({ mark: one.mark });
    this.queue = [];
  }

  // The next few milliseconds of the line; silence where nothing waits.
  next() {
    const piece = new Float32Array(40);
    let filled = 0;
    while (filled < piece.length && this.queue.length) {
      const first = this.queue[0];
      if (first.mark !== undefined) {
        this.port.postMessage({ mark: first.mark });
        this.queue.shift();
        continue;
      }
      const part = first.samples.subarray(first.at, first.at + piece.length - filled);
      piece.set(part, filled);
      filled += part.length;
      first.at += part.length;
      if (first.at >= first.samples.length) this.queue.shift();
    }
    // A mark behind what is played to its end is not to wait for more sound.
    while (this.queue[0]?.mark !== undefined) this.port.postMessage({ mark: this.queue.shift().mark });
    this.measure(piece);
    return piece;
  }

  measure(piece) {
    for (const value of piece) this.loudness += value * value;
    this.counted += piece.length;
    if (this.counted < LEVEL_EVERY) return;
    this.port.postMessage({ level: Math.sqrt(this.loudness / this.counted) });
    this.loudness = this.counted = 0;
  }

  process(_, outputs) {
    const out = outputs[0][0];
    while (this.ready.length < out.length) this.ready.push(...this.resampler.push(this.next()));
    const played = this.ready.splice(0, out.length);
    for (const channel of outputs[0]) channel.set(played);
    return true;
  }
}

registerProcessor("telephone-ear", Ear);
registerProcessor("telephone-mouth", Mouth);
