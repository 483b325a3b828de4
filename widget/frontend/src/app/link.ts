/**
 * The live way to the server: a socket; where sockets can't be opened, a stream; where there is no stream, polling.
 * It reconnects by itself (full jitter, half a second to thirty) and finds dead sockets by a heart-beat.
 */
import type { ClientFrame, Problem, ServerFrame, Session } from '../protocol.ts';
import { readEvents } from './stream.ts';

export type LinkState = 'connecting' | 'online' | 'reconnecting' | 'offline';

export interface LinkPorts {
  socketUrl: string;
  hello(): Extract<ClientFrame, { type: 'hello' }>;
  frame(frame: ServerFrame): void;
  state(state: LinkState): void;
  /** `GET /sessions/{id}`: the session, or why there is none. */
  why(): Promise<Session | Problem>;
  stream(signal: AbortSignal): Promise<Response>;
  /** Reads what is new, where nothing tells us. False: no answer. */
  poll(): Promise<boolean>;
  refused(problem: Problem): void;
  session(session: Session): void;
  tooLarge(): void;
}

const QUIET = 30_000;
const DEADLINE = 8_000;
const HANDSHAKE = 12_000;
/** So often a socket may fail to open though the server answers, before another way is taken. */
const REFUSALS = 3;
/** After so long on another way, sockets get one more chance. */
const RECONSIDER = 180_000;

export class Link {
  readonly #ports: LinkPorts;
  readonly #life = new AbortController();
  #mode: 'socket' | 'stream' | 'poll' = 'socket';
  #modeSince = 0;
  #ws: WebSocket | null = null;
  #welcomed = false;
  #cut: AbortController | null = null;
  #attempts = 0;
  #unopened = 0;
  #heard = 0;
  #asked = 0;
  #timer = 0;
  #steady = 0;
  #been = false;
  #asleep = false;
  /** Counts connection tries: whoever waited for an answer sees whether another try has begun meanwhile. */
  #turn = 0;

  constructor(ports: LinkPorts) {
    this.#ports = ports;
    const on = (target: EventTarget, name: string, act: () => void): void =>
      target.addEventListener(name, act, { signal: this.#life.signal });
    on(window, 'online', () => this.nudge());
    on(window, 'offline', () => this.#ports.state('offline'));
    on(document, 'visibilitychange', () => document.visibilityState === 'visible' && this.nudge());
    // A page in the back-forward cache must hold no socket.
    on(window, 'pagehide', () => this.#sleep());
    on(window, 'pageshow', () => this.#asleep && this.#wake());
    const beat = window.setInterval(() => this.#beat(), 4000);
    this.#life.signal.addEventListener('abort', () => clearInterval(beat));
    this.#connect();
  }

  /** True: handed to an open socket. */
  send(frame: ClientFrame): boolean {
    if (!this.#ws || !this.#welcomed || this.#ws.readyState !== 1) return false;
    try {
      this.#ws.send(JSON.stringify(frame));
      return true;
    } catch {
      return false;
    }
  }

  /** The network or the page is back, or an answer is overdue: look at once whether the way still holds. */
  nudge(): void {
    if (this.#life.signal.aborted || this.#asleep) return;
    if (this.#welcomed && this.#ws) {
      if (!this.#asked) {
        this.#asked = Date.now();
        this.send({ type: 'ping' });
        window.setTimeout(() => this.#beat(), DEADLINE + 50);
      }
      this.#ports.state('online');
    } else if (!this.#ws && !this.#cut) {
      this.#attempts = 0;
      this.#connect();
    }
  }

  close(): void {
    this.#life.abort();
    this.#drop();
  }

  #sleep(): void {
    this.#asleep = true;
    this.#drop();
  }

  #wake(): void {
    this.#asleep = false;
    this.nudge();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#steady);
    const ws = this.#ws;
    this.#ws = null;
    this.#welcomed = false;
    this.#asked = 0;
    this.#cut?.abort();
    this.#cut = null;
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null;
      ws.close();
    }
  }

  #connect(): void {
    if (this.#life.signal.aborted || this.#asleep) return;
    this.#drop();
    this.#turn++;
    this.#ports.state(navigator.onLine === false ? 'offline' : this.#been ? 'reconnecting' : 'connecting');
    if (this.#mode !== 'socket' && Date.now() - this.#modeSince > RECONSIDER) {
      this.#mode = 'socket';
      this.#unopened = REFUSALS - 1;
    }
    if (this.#mode === 'socket') this.#socket();
    else {
      const cut = (this.#cut = new AbortController());
      void (this.#mode === 'stream' ? this.#stream(cut.signal) : this.#poll(cut.signal));
    }
  }

  #again(least = 0): void {
    if (this.#life.signal.aborted || this.#asleep) return;
    this.#drop();
    this.#ports.state(navigator.onLine === false ? 'offline' : this.#been ? 'reconnecting' : 'connecting');
    const cap = Math.min(30_000, 500 * 2 ** this.#attempts++);
    this.#timer = window.setTimeout(() => this.#connect(), Math.max(least, Math.random() * cap));
  }

  #online(): void {
    this.#been = true;
    this.#ports.state('online');
    // A way that breaks again at once keeps its back-off.
    this.#steady = window.setTimeout(() => (this.#attempts = 0), 5000);
  }

  #socket(): void {
    let ws: WebSocket;
    try {
      ws = new WebSocket(this.#ports.socketUrl, 'convoship.v1');
    } catch {
      return void this.#notOpened();
    }
    this.#ws = ws;
    let opened = false;
    this.#timer = window.setTimeout(() => (opened ? this.#again() : void this.#notOpened()), HANDSHAKE);
    ws.onopen = () => {
      opened = true;
      ws.send(JSON.stringify(this.#ports.hello()));
    };
    ws.onmessage = ({ data }) => {
      this.#heard = Date.now();
      this.#asked = 0;
      const frame = parse(data);
      if (!frame) return;
      if (frame.type === 'welcome') {
        clearTimeout(this.#timer);
        this.#welcomed = true;
        this.#unopened = 0;
        this.#ports.frame(frame);
        this.#online();
      } else this.#ports.frame(frame);
    };
    ws.onclose = ({ code }) => {
      this.#ws = null;
      this.#welcomed = false;
      if (!opened) void this.#notOpened();
      else this.#closed(code);
    };
  }

  /** A browser doesn't tell why a socket didn't open. The API does. */
  async #notOpened(): Promise<void> {
    this.#drop();
    const turn = this.#turn;
    const found = await this.#ask();
    if (!found || turn !== this.#turn) return;
    if ('conversation_id' in found && ++this.#unopened >= REFUSALS) this.#take('stream');
    this.#again();
  }

  /** Null: the answer ended the matter. */
  async #ask(): Promise<Session | Problem | null> {
    const found = await this.#ports.why();
    if (this.#life.signal.aborted) return null;
    if ('conversation_id' in found) {
      this.#ports.session(found);
      return found.status === 'active' ? found : null;
    }
    if ([401, 403, 404].includes(found.status) || found.reason === 'paused') {
      this.#ports.refused(found);
      return null;
    }
    return found;
  }

  #closed(code: number): void {
    if (code === 1009) this.#ports.tooLarge();
    if ([4401, 4403, 4409].includes(code)) {
      const turn = this.#turn;
      void this.#ask().then((found) => {
        // The API sees no reason: then it was one of the moment.
        if (found && turn === this.#turn) this.#again(2000);
      });
    } else {
      this.#again(code === 4429 ? 10_000 : code === 1013 ? 2000 : 0);
    }
  }

  #take(mode: 'stream' | 'poll'): void {
    this.#mode = mode;
    this.#modeSince = Date.now();
    this.#attempts = 0;
  }

  async #stream(signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.#ports.stream(signal);
      if ([404, 405, 406, 501].includes(answer.status)) {
        this.#take('poll');
        return this.#connect();
      }
      if (answer.ok && answer.body) {
        this.#online();
        await readEvents(answer.body, (name, data) => {
          const frame = parse(data, name);
          if (frame && !signal.aborted) this.#ports.frame(frame);
        });
      } else if (!(await this.#ask())) return;
    } catch {
      // The stream broke: the next one goes on where this one ended.
    }
    if (!signal.aborted) this.#again();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted; round++) {
      if (!(await this.#ports.poll())) break;
      // Who answers, and whether it still goes on, changes without a message too.
      if (round % 4 === 0 && !(await this.#ask())) return;
      if (signal.aborted) return;
      if (!round) this.#online();
      if (Date.now() - this.#modeSince > RECONSIDER) break;
      await new Promise((done) => window.setTimeout(done, document.visibilityState === 'visible' ? 3000 : 15_000));
    }
    if (!signal.aborted) this.#again();
  }

  #beat(): void {
    if (!this.#ws || !this.#welcomed) return;
    const now = Date.now();
    if (this.#asked && now - this.#asked >= DEADLINE) this.#again();
    else if (!this.#asked && now - this.#heard > QUIET) {
      this.#asked = now;
      this.send({ type: 'ping' });
    }
  }
}

function parse(data: unknown, name = ''): ServerFrame | null {
  try {
    const frame = JSON.parse(String(data)) as ServerFrame | null;
    if (typeof frame !== 'object' || !frame) return null;
    return frame.type ? frame : ({ ...(frame as object), type: name } as ServerFrame);
  } catch {
    return null;
  }
}
