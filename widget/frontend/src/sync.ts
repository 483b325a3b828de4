/**
 * The view of one conversation, kept equal to the server's.
 *
 * The rule: we know the highest `seq` and `rev` reached *without a hole*. Whatever skips a rev, or a `head` above
 * our own, makes us read again from the old value. So the live channel may lose, repeat or reorder anything.
 * No DOM, no timers: whoever owns this hands in the reads and calls `retry()` when one failed.
 */
import type { Message, Page, ServerFrame } from './protocol.ts';

export type Query = { rev: number } | { after: number };

export interface SyncPorts {
  read(query: Query): Promise<Page>;
  /** The view changed. */
  changed(): void;
  /** A read failed or brought nothing new; call `retry()` later. */
  stuck(): void;
}

type Live = Extract<ServerFrame, { type: 'message.created' | 'message.updated' | 'token' | 'head' }>;

/** How often one catch-up may start over at once before it waits for `retry()`. */
const ROUNDS = 4;

/** A string's length in code points, as the server counts. */
const points = (text: string): number => Array.from(text).length;

export class Sync {
  /** Highest seq and rev reached without a hole. */
  seq = 0;
  rev = 0;
  readonly #rows = new Map<number, Message>();
  readonly #ports: SyncPorts;
  /** Frames that came while we were reading, or that skipped a rev: applied after the read. */
  #held: Live[] = [];
  /** While the first history is paged by seq: the rev to go on from once all of it is here. */
  #tail: number | null = null;
  #reading = false;
  #closed = false;

  constructor(ports: SyncPorts) {
    this.#ports = ports;
  }

  /** All messages in order. */
  get messages(): Message[] {
    return [...this.#rows.values()].sort((a, b) => a.seq - b.seq);
  }

  /** What to say in `hello`. */
  get cursor(): { after: number; rev: number } {
    return { after: this.seq, rev: this.#tail ?? this.rev };
  }

  /** The first messages, as `POST /sessions` gives them: in order of seq from the start. */
  start(page: { messages: Message[]; rev: number; has_more: boolean }): void {
    this.#put(page.messages);
    if (page.has_more) {
      this.#tail = page.rev;
      void this.#pull();
    } else {
      // A whole history carries its own rev. Where the two differ the lower is safe: it only reads a change twice.
      const own = page.messages.reduce((top, m) => Math.max(top, m.rev), 0);
      this.rev = Math.max(this.rev, Math.min(own, page.rev));
    }
    this.#ports.changed();
  }

  /** The socket's answer to our `cursor`. */
  welcome(page: { messages: Message[]; rev: number; has_more: boolean }): void {
    this.#put(page.messages);
    if (this.#tail !== null) this.#tail = Math.max(this.#tail, page.rev);
    else this.rev = Math.max(this.rev, page.rev);
    this.#ports.changed();
    if (page.has_more || this.#held.length) void this.#pull();
  }

  live(frame: Live): void {
    if (this.#reading || this.#tail !== null) {
      this.#held.push(frame);
      if (!this.#reading) void this.#pull();
      return;
    }
    if (!this.#apply(frame)) {
      this.#held.push(frame);
      void this.#pull();
    }
  }

  /** Read on from where we are: after `gap`, after a failed read, or as the only way where there is no live channel. */
  retry(): Promise<void> {
    return this.#pull();
  }

  close(): void {
    this.#closed = true;
    this.#held = [];
  }

  /** False: the frame shows a hole before it. */
  #apply(frame: Live): boolean {
    if (frame.type === 'head') return frame.rev <= this.rev && frame.seq <= this.seq;
    if (frame.type === 'token') return this.#grow(frame.message_id, frame.index, frame.text);
    const { rev } = frame.message;
    if (rev > this.rev + 1) return false;
    const news = this.#put([frame.message]);
    this.rev = Math.max(this.rev, rev);
    if (news) this.#ports.changed();
    return true;
  }

  /** A piece of a text still being written. False: it comes after a hole. */
  #grow(id: string, index: number, piece: string): boolean {
    const row = this.#row(id);
    if (!row) return false;
    if (row.status !== 'streaming') return true;
    const have = points(row.text);
    if (index > have) return false;
    const fresh = Array.from(piece).slice(have - index).join('');
    if (fresh) {
      this.#rows.set(row.seq, { ...row, text: row.text + fresh });
      this.#ports.changed();
    }
    return true;
  }

  #row(id: string): Message | undefined {
    return this.messages.find((m) => m.id === id);
  }

  #put(messages: readonly Message[]): boolean {
    let news = false;
    for (const message of messages) {
      const old = this.#rows.get(message.seq);
      if (old && !newer(message, old)) continue;
      this.#rows.set(message.seq, message);
      news = true;
    }
    while (this.#rows.has(this.seq + 1)) this.seq++;
    return news;
  }

  async #pull(): Promise<void> {
    if (this.#reading || this.#closed) return;
    this.#reading = true;
    let whole = false;
    try {
      for (let round = 0; round < ROUNDS && !whole; round++) {
        await this.#readOn();
        if (this.#closed) return;
        whole = this.#release();
      }
    } catch {
      whole = false;
    }
    this.#reading = false;
    if (!whole && !this.#closed) this.#ports.stuck();
  }

  /** Page by page until the head. */
  async #readOn(): Promise<void> {
    for (let more = true; more && !this.#closed; ) {
      const tail = this.#tail;
      const from = tail === null ? this.rev : this.seq;
      const page = await this.#ports.read(tail === null ? { rev: from } : { after: from });
      if (this.#closed) return;
      const news = this.#put(page.messages);
      if (tail === null) this.rev = Math.max(this.rev, page.rev);
      more = page.has_more;
      if (tail !== null && !more) {
        this.rev = Math.max(this.rev, this.#tail ?? tail);
        this.#tail = null;
        more = true; // Changes made while we paged by seq are read by rev.
      } else if (more && (tail === null ? this.rev : this.seq) <= from) {
        throw new Error('a page brought us no further');
      }
      if (news) this.#ports.changed();
    }
  }

  /** Applies what was held, oldest change first. False: there is still a hole. */
  #release(): boolean {
    const rank = (f: Live): number => ('message' in f ? f.message.rev : Infinity);
    const held = this.#held.splice(0).sort((a, b) => rank(a) - rank(b) || 0);
    const rest = held.filter((frame) => !this.#apply(frame));
    // A piece of a message that even the server's own page doesn't hold belongs to nothing we will ever show. One after
    // a hole waits: the server's text so far may be a second old.
    this.#held = rest.filter((frame) => frame.type !== 'token' || this.#row(frame.message_id));
    // All changes known and still a message short: only the list by seq can tell which.
    if (this.#held.some((frame) => frame.type === 'head' && frame.rev <= this.rev)) this.#tail = this.rev;
    return this.#held.length === 0;
  }
}

function newer(message: Message, old: Message): boolean {
  if (message.rev !== old.rev) return message.rev > old.rev;
  return old.status === 'streaming' && (message.status !== 'streaming' || message.text.length > old.text.length);
}
