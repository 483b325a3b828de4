import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message, Page } from '../src/protocol.ts';
import { Sync } from '../src/sync.ts';
import type { Query } from '../src/sync.ts';

type Live = Parameters<Sync['live']>[0];

/** A server with one conversation: seq without holes, rev for changes, and every change a frame. */
class Server {
  rows: Message[] = [];
  rev = 0;
  limit = 7;
  out: Live[] = [];
  /** What of a text still being written is kept already, where it isn't all of it. */
  kept: string | null = null;

  get head(): number {
    return this.rows.length;
  }
  add(text: string, status = 'received'): Message {
    const message: Message = { id: 'm' + this.head, seq: this.head + 1, rev: ++this.rev, author: { kind: 'assistant' }, text, status, created_at: '' };
    this.rows.push(message);
    this.out.push({ type: 'message.created', message: { ...message } });
    return message;
  }
  change(seq: number, patch: Partial<Message>): void {
    const message = this.rows[seq - 1];
    assert(message);
    Object.assign(message, patch, { rev: ++this.rev });
    this.out.push({ type: 'message.updated', message: { ...message } });
  }
  token(seq: number, text: string): void {
    const message = this.rows[seq - 1];
    assert(message);
    this.out.push({ type: 'token', message_id: message.id, index: Array.from(message.text).length, text });
    message.text += text;
  }
  page(query: Query): Page {
    const chosen = 'rev' in query ? this.rows.filter((m) => m.rev > query.rev).sort((a, b) => a.rev - b.rev) : this.rows.filter((m) => m.seq > query.after);
    const written = this.rows.filter((m) => m.status === 'streaming' && !chosen.includes(m)).map((m) => ({ ...m, text: this.kept ?? m.text }));
    const messages = [...chosen.slice(0, this.limit).map((m) => ({ ...m })), ...written];
    const has_more = chosen.length > this.limit;
    return { messages, head_seq: this.head, rev: has_more && 'rev' in query ? (chosen[this.limit - 1]?.rev ?? 0) : this.rev, has_more };
  }
  welcome(cursor: { after: number; rev: number }): Page {
    return this.page({ rev: cursor.rev });
  }
  headFrame(): Live {
    return { type: 'head', seq: this.head, rev: this.rev };
  }
}

function client(server: Server, read = async (query: Query): Promise<Page> => server.page(query)) {
  const reads: Query[] = [];
  const count = { changed: 0, stuck: 0 };
  const sync = new Sync({
    read: (query) => {
      reads.push(query);
      return read(query);
    },
    changed: () => count.changed++,
    stuck: () => count.stuck++,
  });
  return { sync, reads, count };
}

const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 5));
const flush = (server: Server, sync: Sync): void => server.out.splice(0).forEach((frame) => sync.live(frame));
const start = (server: Server, sync: Sync): void => {
  const { messages, has_more } = server.page({ after: 0 });
  sync.start({ messages, has_more, rev: server.rev });
  server.out = [];
};

test('frames in order are applied without a read', () => {
  const server = new Server();
  server.add('hello');
  const { sync, reads } = client(server);
  start(server, sync);
  server.add('two');
  server.change(1, { text: 'hello!' });
  flush(server, sync);
  assert.deepEqual(sync.messages, server.rows);
  assert.deepEqual(sync.cursor, { after: 2, rev: 3 });
  assert.equal(reads.length, 0);
});

test('a frame that skips a rev makes it read from the old value, and nothing is shown out of turn meanwhile', async () => {
  const server = new Server();
  const { sync, reads } = client(server);
  start(server, sync);
  server.add('lost');
  server.add('second');
  const [, second] = server.out.splice(0);
  assert(second);
  sync.live(second);
  assert.deepEqual(sync.messages, []);
  await settle();
  assert.deepEqual(reads, [{ rev: 0 }]);
  assert.deepEqual(sync.messages, server.rows);
});

test('a head above our own makes it read, one that is level does not', async () => {
  const server = new Server();
  const { sync, reads } = client(server);
  start(server, sync);
  server.add('lost');
  sync.live(server.headFrame());
  await settle();
  assert.deepEqual(reads, [{ rev: 0 }]);
  assert.equal(sync.messages.length, 1);
  sync.live(server.headFrame());
  await settle();
  assert.equal(reads.length, 1);
});

test('a doubled frame and an older version change nothing', () => {
  const server = new Server();
  const { sync, count } = client(server);
  start(server, sync);
  server.add('one');
  server.change(1, { text: 'uno' });
  const [created, updated] = server.out.splice(0);
  assert(created && updated);
  sync.live(created);
  sync.live(updated);
  const before = count.changed;
  sync.live(created);
  sync.live(updated);
  assert.equal(count.changed, before);
  assert.equal(sync.messages[0]?.text, 'uno');
});

test('a long history is paged by seq first, then by the rev of its first page; live frames wait', async () => {
  const server = new Server();
  for (let i = 0; i < 20; i++) server.add('m' + i);
  const { sync, reads } = client(server);
  start(server, sync);
  server.change(2, { text: 'changed while paging' });
  flush(server, sync);
  assert.equal(sync.messages[1]?.text, 'm1');
  await settle();
  assert.deepEqual(reads, [{ after: 7 }, { after: 14 }, { rev: 20 }]);
  assert.deepEqual(sync.messages, server.rows);
  assert.deepEqual(sync.cursor, { after: 20, rev: 21 });
});

test('a reconnect says what it has; a welcome with more is paged before live frames apply', async () => {
  const server = new Server();
  server.add('a');
  const { sync, reads } = client(server);
  start(server, sync);
  for (let i = 0; i < 20; i++) server.add('gone ' + i);
  server.out = [];
  sync.welcome(server.welcome(sync.cursor));
  server.add('live');
  flush(server, sync);
  await settle();
  assert.deepEqual(reads[0], { rev: 8 });
  assert.deepEqual(sync.messages, server.rows);
  assert.equal(sync.rev, server.rev);
});

test('pieces of an answer: in order, doubled, overlapping, and the finished text', () => {
  const server = new Server();
  const { sync } = client(server);
  start(server, sync);
  const { id } = server.add('', 'streaming');
  flush(server, sync);
  const piece = (index: number, text: string): void => sync.live({ type: 'token', message_id: id, index, text });
  piece(0, 'Grüße 🌊');
  piece(0, 'Grüße 🌊');
  assert.equal(sync.messages[0]?.text, 'Grüße 🌊');
  piece(6, '🌊 und mehr');
  assert.equal(sync.messages[0]?.text, 'Grüße 🌊 und mehr');
  server.change(1, { text: 'Grüße 🌊 und mehr Meer', status: 'received' });
  flush(server, sync);
  piece(17, 'late');
  assert.equal(sync.messages[0]?.text, 'Grüße 🌊 und mehr Meer');
});

test('a piece after a hole makes it ask for the text so far, and is put where it belongs', async () => {
  const server = new Server();
  const { sync, reads, count } = client(server);
  start(server, sync);
  server.add('', 'streaming');
  flush(server, sync);
  server.token(1, 'One ');
  flush(server, sync);
  server.token(1, 'lost ');
  server.out = [];
  // What the server has kept is older than what was lost.
  server.kept = 'One ';
  server.token(1, 'and the next ');
  flush(server, sync);
  await settle();
  assert.ok(reads.length > 0);
  assert.equal(sync.messages[0]?.text, 'One ');
  assert.equal(count.stuck, 1, 'it asks again later');
  server.kept = null;
  server.token(1, 'and the last.');
  flush(server, sync);
  await settle();
  assert.equal(sync.messages[0]?.text, 'One lost and the next and the last.');
  server.change(1, { status: 'sent' });
  flush(server, sync);
  await settle();
  assert.deepEqual(sync.messages, server.rows);
});

test('random pieces, lost, doubled and out of turn, end as the text that the server has', async () => {
  const seeded = (seed: number) => () => ((seed = (seed * 16807) % 2147483647) / 2147483647);
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    const server = new Server();
    const { sync } = client(server);
    start(server, sync);
    server.add('', 'streaming');
    flush(server, sync);
    let kept = '';
    for (let n = 0; n < 30; n++) {
      server.kept = kept;
      server.token(1, ['a', '👩‍🚀', 'é', '\r\n', ' und '][Math.floor(random() * 5)] as string);
      if (random() < 0.3) kept = server.rows[0]?.text ?? '';
      if (random() < 0.2) server.out.reverse();
      if (random() < 0.2) server.out.push(...server.out);
      if (random() < 0.2) server.out = [];
      flush(server, sync);
      // What is shown is a beginning of what there is, whatever came.
      assert.ok(server.rows[0]?.text.startsWith(sync.messages[0]?.text ?? ''), `seed ${seed}`);
      if (random() < 0.2) await settle();
    }
    server.kept = null;
    server.token(1, '.');
    flush(server, sync);
    await settle();
    await sync.retry();
    assert.equal(sync.messages[0]?.text, server.rows[0]?.text, `seed ${seed}`);
  }
});

test('a welcome brings the text so far of a message still streaming', () => {
  const server = new Server();
  const { sync } = client(server);
  start(server, sync);
  server.add('', 'streaming');
  flush(server, sync);
  server.token(1, 'half an ans');
  server.out = [];
  sync.welcome(server.welcome(sync.cursor));
  assert.equal(sync.messages[0]?.text, 'half an ans');
});

test('a piece of a message that was never announced makes it read', async () => {
  const server = new Server();
  const { sync } = client(server);
  start(server, sync);
  server.add('', 'streaming');
  server.out = [];
  server.token(1, 'text');
  flush(server, sync);
  await settle();
  assert.equal(sync.messages[0]?.text, 'text');
});

test('a failed read says so once and goes on when told', async () => {
  const server = new Server();
  let broken = true;
  const { sync, count } = client(server, async (query) => {
    if (broken) throw new Error('no network');
    return server.page(query);
  });
  start(server, sync);
  server.add('one');
  sync.live(server.headFrame());
  await settle();
  assert.equal(count.stuck, 1);
  assert.deepEqual(sync.cursor, { after: 0, rev: 0 });
  broken = false;
  await sync.retry();
  assert.deepEqual(sync.messages, server.rows);
});

test('a server that says "more" but brings nothing is not asked for ever', async () => {
  const { sync, count, reads } = client(new Server(), async () => ({ messages: [], head_seq: 9, rev: 0, has_more: true }));
  sync.live({ type: 'head', seq: 9, rev: 9 });
  await settle();
  assert.equal(count.stuck, 1);
  assert(reads.length < 10);
});

test('a closed view takes no answer any more', async () => {
  const server = new Server();
  const { sync, count } = client(server);
  server.add('one');
  sync.live(server.headFrame());
  sync.close();
  await settle();
  assert.equal(sync.messages.length, 0);
  assert.equal(count.stuck, 0);
});

/** Small, seeded, so that a failure can be seen again. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

for (let seed = 1; seed <= 12; seed++) {
  test(`a thousand changes with drops, doubles, reorders, cuts and failed reads: the view ends equal (seed ${seed})`, async () => {
    const dice = random(seed);
    const server = new Server();
    for (let i = 0; i < seed * 3; i++) server.add('before ' + i);
    const { sync } = client(server, async (query) => {
      await new Promise((done) => setImmediate(done));
      if (dice() < 0.1) throw new Error('cut');
      return server.page(query);
    });
    start(server, sync);
    let seen = { after: 0, rev: 0 };
    let connected = true;
    for (let i = 0; i < 1000; i++) {
      const what = dice();
      const at = 1 + Math.floor(dice() * server.head);
      const row = server.rows[at - 1];
      if (what < 0.45) server.add('message ' + i, dice() < 0.2 ? 'streaming' : 'received');
      else if (row?.status === 'streaming' && what < 0.8) server.token(at, ' +' + i);
      else if (row?.status === 'streaming') server.change(at, { status: 'received', text: row.text + '.' });
      else server.change(at, { text: 'changed ' + i, status: dice() < 0.1 ? 'delivered' : 'received' });
      const frames = server.out.splice(0).flatMap((frame) => (dice() < 0.2 ? [] : dice() < 0.1 ? [frame, frame] : [frame]));
      if (dice() < 0.1) frames.reverse();
      if (dice() < 0.08) connected = !connected;
      if (connected) for (const frame of frames) sync.live(frame);
      if (!connected && dice() < 0.3) {
        connected = true;
        sync.welcome(server.welcome(sync.cursor));
      }
      if (dice() < 0.1 && connected) sync.live(server.headFrame());
      if (dice() < 0.2) await new Promise((done) => setImmediate(done));
      assert(sync.cursor.after >= seen.after && sync.cursor.rev >= seen.rev, 'what was reached is not lost');
      seen = sync.cursor;
    }
    // The network is whole again: one reconnect, and a head now and then.
    for (let i = 0; i < 200 && (sync.rev < server.rev || sync.seq < server.head); i++) {
      sync.welcome(server.welcome(sync.cursor));
      sync.live(server.headFrame());
      await settle();
      await sync.retry();
    }
    sync.welcome(server.welcome(sync.cursor));
    assert.deepEqual(sync.messages, server.rows);
    assert.deepEqual(sync.cursor, { after: server.head, rev: server.rev });
  });
}
