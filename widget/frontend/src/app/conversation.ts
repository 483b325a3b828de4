/** One conversation while it is on the page: its messages, its live link, and what is still to be sent. */
import type { Host } from '../host.ts';
import type { Author, Message, Outgoing, Page, Problem, Sent, ServerFrame, Session } from '../protocol.ts';
import { Sync } from '../sync.ts';
import { Delivery } from './delivery.ts';
import { blank } from './http.ts';
import type { Call } from './http.ts';
import { Link } from './link.ts';
import type { LinkState } from './link.ts';
import type { Outbox, Outcome } from './outbox.ts';
import { pageNow } from './session.ts';
import type { Kept } from './session.ts';

export interface ConversationPorts {
  changed(): void;
  link(state: LinkState): void;
  session(session: Session): void;
  refused(problem: Problem): void;
}

const TYPING = 12_000;

export class Conversation {
  readonly sync: Sync;
  readonly delivery: Delivery;
  session: Session;
  typing: Author | null = null;
  readonly #host: Host;
  readonly #call: Call;
  readonly #kept: Kept;
  readonly #ports: ConversationPorts;
  readonly #outbox: Outbox;
  #link: Link | null = null;
  #typingEnds = 0;
  #retry = 0;
  #misses = 0;
  #read = 0;

  constructor(host: Host, call: Call, kept: Kept, session: Session, outbox: Outbox, ports: ConversationPorts) {
    this.#host = host;
    this.#call = call;
    this.#kept = kept;
    this.session = session;
    this.#outbox = outbox;
    this.#ports = ports;
    this.sync = new Sync({
      read: (query) => this.#page(query),
      changed: () => this.#changed(),
      stuck: () => {
        clearTimeout(this.#retry);
        this.#retry = window.setTimeout(() => void this.sync.retry(), Math.min(30_000, 1000 * 2 ** this.#misses++));
      },
    });
    this.delivery = new Delivery({
      socket: (message) => this.#link?.send({ type: 'message.send', ...message }) ?? false,
      post: (message) => this.#ask<Sent>('POST', '/messages', message, { Prefer: 'wait=0' }),
      sent: (answer) => this.#sent(answer),
      doubt: () => this.#link?.nudge(),
      ended: () => void this.refresh(),
      refused: (problem) => ports.refused(problem),
    });
  }

  get active(): boolean {
    return this.session.status === 'active';
  }

  connect(): void {
    if (this.#link || !this.active) return;
    this.#link = new Link({
      socketUrl: this.#socketUrl(),
      hello: () => ({ type: 'hello', token: this.#kept.token, ...this.sync.cursor, page: pageNow() }),
      frame: (frame) => this.#frame(frame),
      state: (state) => {
        if (state !== 'online') this.delivery.lost();
        this.#ports.link(state);
      },
      why: () => this.#why(),
      stream: (signal) => {
        const { after, rev } = this.sync.cursor;
        return fetch(`${this.#host.api}/v1/public/runtime${this.#path(`/stream?after=${after}&rev=${rev}`)}`, {
          headers: { Authorization: 'Bearer ' + this.#kept.token, Accept: 'text/event-stream' },
          credentials: 'omit',
          signal,
        });
      },
      poll: async () => {
        const before = this.#misses;
        await this.sync.retry();
        return this.#misses === before;
      },
      refused: (problem) => this.#ports.refused(problem),
      session: (session) => this.#update(session),
      tooLarge: () => this.delivery.lost({ failed: 'payload_too_large' }),
    });
  }

  send(message: Outgoing): Promise<Outcome> | null {
    return navigator.onLine === false || !this.active ? null : this.delivery.send(message);
  }

  tellTyping(on: boolean): void {
    this.#link?.send({ type: 'typing', on });
  }

  /** What the visitor has seen. */
  tellRead(seq: number): void {
    if (seq > this.#read && this.#link?.send({ type: 'read', seq })) this.#read = seq;
  }

  async refresh(): Promise<void> {
    const found = await this.#why();
    if ('conversation_id' in found) this.#update(found);
  }

  /** `handoff`, `end` or `stop`. Null: done. */
  async act(name: string): Promise<Problem | null> {
    const reply = await this.#ask<{ session: Session }>('POST', '/' + name, {});
    if (reply.body?.session) this.#update(reply.body.session);
    else if (reply.problem?.code === 'conversation_ended') await this.refresh();
    else return reply.problem;
    return null;
  }

  close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#typingEnds);
    this.sync.close();
    this.#link?.close();
    this.#link = null;
    this.delivery.lost();
  }

  #path(rest: string): string {
    return `/sessions/${encodeURIComponent(this.#kept.id)}${rest}`;
  }

  #ask<T>(method: string, rest: string, body?: unknown, headers?: Record<string, string>) {
    return this.#call<T>(method, this.#path(rest), this.#kept.token, { body, ...(headers ? { headers } : {}) });
  }

  #socketUrl(): string {
    const url = new URL(this.#kept.socket || `/v1/public/runtime${this.#path('/socket')}`, this.#host.api);
    url.protocol = url.protocol.replace('http', 'ws');
    return url.href;
  }

  async #page(query: { rev: number } | { after: number }): Promise<Page> {
    const reply = await this.#ask<Page>('GET', '/messages?' + new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])));
    const { problem, body } = reply;
    if (problem && [401, 403].includes(problem.status)) this.#ports.refused(problem);
    if (!body || !Array.isArray(body.messages)) throw new Error(problem?.code ?? 'bad_response');
    this.#misses = 0;
    return body;
  }

  async #why(): Promise<Session | Problem> {
    const { body, problem, status } = await this.#ask<{ session: Session }>('GET', '');
    return body?.session ?? problem ?? blank(status);
  }

  #sent(answer: Sent): void {
    const messages = [answer.message, ...(answer.replies ?? [])].filter(Boolean).sort((a, b) => a.rev - b.rev);
    for (const message of messages) this.#frame({ type: 'message.created', message });
    this.#frame({ type: 'head', seq: answer.head_seq, rev: answer.rev });
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#update(frame.session);
        return this.sync.welcome(frame);
      case 'message.created':
      case 'message.updated':
        this.delivery.confirmed(frame.message.client_id);
        if (frame.message.author.kind !== 'visitor') this.#showTyping(null);
        return this.sync.live(frame);
      case 'token':
      case 'head':
        return this.sync.live(frame);
      case 'gap':
        return void this.sync.retry();
      case 'typing':
        return frame.author?.kind === 'visitor' ? undefined : this.#showTyping(frame.on ? frame.author : null);
      case 'session.updated':
        return this.#update(frame.session);
      case 'read':
        this.session.read_seq = frame.seq;
        return this.#ports.changed();
      case 'error':
        return this.delivery.error(frame);
      case 'pong':
    }
  }

  #showTyping(author: Author | null): void {
    clearTimeout(this.#typingEnds);
    if (!author && !this.typing) return;
    this.typing = author;
    // Whoever typed may have gone without a word.
    if (author) this.#typingEnds = window.setTimeout(() => this.#showTyping(null), TYPING);
    this.#ports.changed();
  }

  #update(session: Session | undefined): void {
    if (!session) return;
    this.session = session;
    if (!this.active) {
      this.#link?.close();
      this.#link = null;
      void this.sync.retry();
    }
    this.#ports.session(session);
  }

  #changed(): void {
    for (const message of this.sync.messages) if (message.client_id) this.#outbox.confirm(message.client_id);
    this.#ports.changed();
  }

  /** Whether an answer is under way. */
  get writing(): boolean {
    return this.typing?.kind === 'assistant' || this.sync.messages.some((m) => m.status === 'streaming');
  }

  /** Messages that came from the other side. */
  get theirs(): Message[] {
    return this.sync.messages.filter((m) => m.author.kind !== 'visitor' && m.author.kind !== 'system');
  }
}
