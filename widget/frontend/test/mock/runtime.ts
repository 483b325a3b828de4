/** A small stand-in for the public runtime API (CONTRACT 4), in memory: for tests and for looking at the widget. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Block, Message, Session } from '../../src/protocol.ts';

const STATIC = join(import.meta.dirname, '../../../../static/widget');

interface Talk {
  session: Session;
  token: string;
  messages: Message[];
  sockets: Set<WebSocket>;
  human: boolean;
  stopped?: boolean;
}

const RICH = `Here is what I can do:

1. **Track** an order
2. *Change* the delivery address
3. Explain \`return codes\`

See [our help pages](https://example.com/help) or just ask.`;

const now = (): string => new Date().toISOString().slice(0, 19) + 'Z';

export class MockRuntime {
  readonly talks = new Map<string, Talk>();
  readonly requests: string[] = [];
  server: Server;
  port = 0;
  theme: unknown = {
    primaryColor: '#3b4fd8',
    mode: 'auto',
    header: { title: 'Harbour & Co', subtitle: 'Usually answers at once' },
    greeting: 'Hi there! Ask us about orders, delivery or returns.',
  };
  features: Record<string, unknown> = { handoff: true };
  /** Switches that a test throws. */
  flags = { noSockets: false, noStream: true, limited: 0, down: false, delay: 250 };

  constructor() {
    this.server = createServer((request, response) => {
      this.#handle(request, response).catch((error) => {
        response.writeHead(500).end(String(error));
      });
    });
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'convoship.v1' });
    this.server.on('upgrade', (request, socket, head) => {
      const id = /sessions\/([^/]+)\/socket/.exec(request.url ?? '')?.[1] ?? '';
      const talk = this.talks.get(id);
      if (!talk || this.flags.noSockets || this.flags.down) return socket.destroy();
      sockets.handleUpgrade(request, socket, head, (ws) => this.#socket(ws, talk));
    });
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((done) => this.server.listen(port, '127.0.0.1', done));
    this.port = (this.server.address() as { port: number }).port;
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.cut();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /** Breaks every socket, as a network does. */
  cut(): void {
    for (const { sockets } of this.talks.values()) for (const ws of sockets) ws.terminate();
  }

  closeAll(code: number): void {
    for (const { sockets } of this.talks.values()) for (const ws of sockets) ws.close(code);
  }

  say(talk: Talk, message: Partial<Message>): Message {
    const { session, messages } = talk;
    const seq = ++session.head_seq;
    const rev = ++session.rev;
    const whole: Message = { id: randomUUID(), seq, rev, author: { kind: 'assistant', name: 'Robin' }, text: '', blocks: [], attachments: [], status: 'received', created_at: now(), ...message };
    messages.push(whole);
    this.#tell(talk, { type: 'message.created', message: { ...whole } });
    return whole;
  }

  update(talk: Talk, message: Message, patch: Partial<Message>): void {
    Object.assign(message, patch, { rev: ++talk.session.rev });
    this.#tell(talk, { type: 'message.updated', message: { ...message } });
  }

  setSession(talk: Talk, patch: Partial<Session>): void {
    Object.assign(talk.session, patch);
    this.#tell(talk, { type: 'session.updated', session: { ...talk.session } });
  }

  #tell(talk: Talk, frame: unknown): void {
    for (const ws of talk.sockets) ws.send(JSON.stringify(frame));
  }

  #page(talk: Talk, after: number, rev: number | null, limit = 50) {
    const chosen = rev === null ? talk.messages.filter((m) => m.seq > after).sort((a, b) => a.seq - b.seq) : talk.messages.filter((m) => m.rev > rev).sort((a, b) => a.rev - b.rev);
    const messages = chosen.slice(0, limit);
    const has_more = chosen.length > limit;
    return { messages, head_seq: talk.session.head_seq, rev: has_more && rev !== null ? (messages.at(-1)?.rev ?? 0) : talk.session.rev, has_more };
  }

  #socket(ws: WebSocket, talk: Talk): void {
    ws.on('message', (raw) => {
      const frame = JSON.parse(String(raw));
      if (frame.type === 'hello') {
        if (frame.token !== talk.token) return ws.close(4401);
        talk.sockets.add(ws);
        ws.on('close', () => talk.sockets.delete(ws));
        ws.send(JSON.stringify({ type: 'welcome', session: talk.session, ...this.#page(talk, frame.after ?? 0, frame.rev ?? null) }));
      } else if (frame.type === 'ping') ws.send('{"type":"pong"}');
      else if (frame.type === 'message.send') {
        if (this.flags.limited-- > 0) return ws.send(JSON.stringify({ type: 'error', code: 'rate_limited', detail: 'slow down', client_id: frame.client_id, retry_after: 2 }));
        this.#accept(talk, frame);
      }
    });
  }

  #accept(talk: Talk, sent: { client_id: string; text?: string; payload?: unknown }): { message: Message; fresh: boolean } {
    const old = talk.messages.find((m) => m.client_id === sent.client_id);
    if (old) {
      this.#tell(talk, { type: 'message.created', message: old });
      return { message: old, fresh: false };
    }
    const message = this.say(talk, { author: { kind: 'visitor' }, text: sent.text ?? '', client_id: sent.client_id });
    void this.#answer(talk, sent.text ?? '');
    return { message, fresh: true };
  }

  async #answer(talk: Talk, text: string): Promise<void> {
    if (talk.session.control !== 'assistant') return;
    const author = { kind: 'assistant' as const, name: 'Robin' };
    this.#tell(talk, { type: 'typing', author, on: true });
    await new Promise((done) => setTimeout(done, this.flags.delay));
    this.#tell(talk, { type: 'typing', author, on: false });
    if (/slow|endless/.test(text)) {
      const message = this.say(talk, { status: 'streaming' });
      for (const piece of text === 'endless' ? Array.from({ length: 300 }, () => 'word ') : ['One ', 'word ', 'after ', '**another**.']) {
        this.#tell(talk, { type: 'token', message_id: message.id, index: Array.from(message.text).length, text: piece });
        message.text += piece;
        await new Promise((done) => setTimeout(done, 60));
        if (talk.stopped) break;
      }
      this.update(talk, message, { status: 'sent', ...(talk.stopped ? { reason: 'Stopped by the visitor.' } : {}) });
    } else if (/help/i.test(text)) {
      this.say(talk, { text: RICH });
    } else if (/hat/.test(text)) {
      const cards: Block = { type: 'carousel', cards: ['Sailor', 'Captain', 'Harbour'].map((title) => ({ title: title + ' hat', text: 'Wool, one size', image_url: '/picture.svg', buttons: [{ label: 'Choose', payload: title }, { label: 'Details', url: 'https://example.com/' }] })) };
      this.say(talk, { text: 'These are in stock:', blocks: [cards] });
    } else if (/order/i.test(text)) {
      this.say(talk, { text: 'Your order **#1042** is on its way.', blocks: [{ type: 'card', title: 'Order #1042', text: 'Arrives Thursday between 9 and 12', image_url: '/picture.svg', buttons: [{ label: 'Track parcel', url: 'https://example.com/track' }, { label: 'Change address', payload: 'address' }] }] });
    } else if (/list/.test(text)) {
      this.say(talk, { text: '', blocks: [{ type: 'list', items: [{ title: 'Returns', text: 'Within 30 days', url: 'https://example.com/r' }, { title: 'Opening hours', text: 'Mon to Fri, 9 to 17' }] }] });
    } else this.say(talk, { text: `You said: ${text}` });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://mock');
    const { method = 'GET' } = request;
    if (this.flags.down) return void request.socket.destroy();
    const open = { 'Access-Control-Allow-Origin': '*' };
    const file = url.pathname === '/embed/v1.js' ? 'v1.js' : /^\/static\/widget\/([\w.]+)$/.exec(url.pathname)?.[1];
    if (file) {
      const at = join(STATIC, file);
      if (!existsSync(at)) return void response.writeHead(404, open).end();
      return void response.writeHead(200, { ...open, 'Content-Type': file.endsWith('json') ? 'application/json' : 'text/javascript; charset=utf-8', 'Cross-Origin-Resource-Policy': 'cross-origin' }).end(readFileSync(at));
    }
    if (url.pathname === '/picture.svg') return void response.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(PICTURE);
    const path = url.pathname.replace('/v1/public/runtime', '');
    const headers = { 'Access-Control-Allow-Origin': request.headers.origin ?? '*', 'Access-Control-Expose-Headers': 'Retry-After, ETag', Vary: 'Origin' };
    if (method === 'OPTIONS') {
      return void response.writeHead(204, { ...headers, 'Access-Control-Allow-Methods': 'GET, POST', 'Access-Control-Allow-Headers': 'authorization, content-type, prefer, last-event-id' }).end();
    }
    this.requests.push(`${method} ${path}`);
    const answer = (status: number, body?: unknown, extra = {}): void => {
      response.writeHead(status, { ...headers, 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', ...extra });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {};
    if (token.startsWith('cdp_refused')) {
      return answer(403, { type: 'https://docs.example.com/errors/origin_not_allowed', title: 'This origin is not allowed', status: 403, detail: 'The page is at http://127.0.0.1:9 and the deployment allows https://127.0.0.1:9.', code: 'origin_not_allowed', hint: 'Add http://127.0.0.1:9 under Allowed origins on the Deploy page.' });
    }
    if (token.startsWith('cdp_dead')) return answer(401, { type: 'about:blank', title: 'This token was revoked', status: 401, detail: 'Revoked today.', code: 'token_revoked' });
    if (token.startsWith('cdp_html')) return void response.writeHead(200, headers).end('<html>');
    if (path === '/config') return answer(200, { assistant: { id: 'a', name: 'Robin' }, theme: this.theme, texts: {}, features: this.features, version: 1 });
    if (path === '/sessions' && method === 'POST') {
      const old = [...this.talks.values()].find((t) => t.token === body.resume && t.session.status === 'active');
      const talk = old ?? this.#begin();
      return answer(old ? 200 : 201, { session: talk.session, session_token: talk.token, expires_at: now(), socket_url: `ws://127.0.0.1:${this.port}/v1/public/runtime/sessions/${talk.session.id}/socket`, assistant: {}, theme: this.theme, ...this.#page(talk, 0, null) });
    }
    const [, id = '', rest = ''] = /^\/sessions\/([^/]+)(.*)$/.exec(path) ?? [];
    const talk = this.talks.get(id);
    if (!talk || talk.token !== token) return answer(401, { code: 'token_unknown', title: 'Unknown', detail: '', status: 401 });
    if (rest === '') return answer(200, { session: talk.session });
    if (rest === '/messages' && method === 'GET') {
      const rev = url.searchParams.get('rev');
      return answer(200, this.#page(talk, Number(url.searchParams.get('after') ?? 0), rev === null ? null : Number(rev)));
    }
    if (rest === '/messages') {
      if (talk.session.status !== 'active') return answer(409, { code: 'conversation_ended', title: 'Ended', detail: '', status: 409 });
      if (this.flags.limited-- > 0) return answer(429, { code: 'rate_limited', title: 'Slow down', detail: '', status: 429 }, { 'Retry-After': '2' });
      const { message, fresh } = this.#accept(talk, body);
      return answer(fresh ? 201 : 200, { message, replies: [], head_seq: talk.session.head_seq, rev: talk.session.rev, pending: true });
    }
    if (rest === '/handoff') {
      this.setSession(talk, { control: 'waiting' });
      return answer(202, { session: talk.session });
    }
    if (rest === '/end') {
      this.setSession(talk, { status: 'completed' });
      for (const ws of talk.sockets) ws.close(4409);
      return answer(200, { session: talk.session });
    }
    if (rest === '/stop') {
      talk.stopped = true;
      return answer(200, { session: talk.session });
    }
    return answer(404, { code: 'not_found', title: 'Not found', detail: '', status: 404 });
  }

  #begin(): Talk {
    const session: Session = { id: randomUUID(), conversation_id: randomUUID(), status: 'active', control: 'assistant', head_seq: 0, rev: 0, created_at: now() };
    const talk: Talk = { session, token: 'cst_' + randomUUID(), messages: [], sockets: new Set(), human: false };
    this.talks.set(session.id, talk);
    this.say(talk, { text: 'Hello! I’m Robin. What can I do for you?', blocks: [{ type: 'buttons', buttons: [{ label: 'Where is my order?', payload: 'order' }, { label: 'Get help', payload: 'help' }, { label: 'Our shop', url: 'https://example.com/shop' }] }] });
    return talk;
  }
}

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="#9cc4ff"/><stop offset="1" stop-color="#eaf2ff"/></linearGradient></defs><rect width="320" height="180" fill="url(#g)"/><circle cx="250" cy="52" r="22" fill="#fff"/><path d="M0 130q80-30 160 0t160 0v50H0z" fill="#3d6fd6"/><path d="M120 118h80l-16 24h-48zM158 50v62h-34z" fill="#1d3f94"/></svg>`;
