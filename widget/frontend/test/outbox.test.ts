import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox, room, verdict } from '../src/app/outbox.ts';
import type { Item, Outcome } from '../src/app/outbox.ts';
import { openStore } from '../src/app/store.ts';
import type { Outgoing } from '../src/protocol.ts';
import { memoryStorage } from './storage.ts';

function setup(storage = memoryStorage()) {
  const sent: Outgoing[] = [];
  const settle: ((outcome: Outcome) => void)[] = [];
  const confirmed: Item[] = [];
  const failed: Item[] = [];
  const waits: number[] = [];
  const world = { open: true, now: 1000 };
  const outbox = new Outbox(openStore('t:', () => storage), {
    send: (item) => {
      if (!world.open) return null;
      sent.push(item);
      return new Promise((done) => settle.push(done));
    },
    changed: () => {},
    sent: (item) => confirmed.push(item),
    failed: (item) => failed.push(item),
    later: (ms) => waits.push(ms),
    now: () => world.now,
    id: () => crypto.randomUUID(),
  });
  const answer = async (outcome: Outcome): Promise<void> => {
    settle.shift()?.(outcome);
    await new Promise((done) => setImmediate(done));
  };
  return { outbox, sent, confirmed, failed, waits, world, answer, storage };
}

test('one at a time, in order', async () => {
  const { outbox, sent, answer } = setup();
  outbox.add('c', { text: 'one' });
  outbox.add('c', { text: 'two' });
  assert.deepEqual(sent.map((s) => s.text), ['one']);
  await answer('sent');
  assert.deepEqual(sent.map((s) => s.text), ['one', 'two']);
  await answer('sent');
  assert.deepEqual(outbox.items, []);
});

test('what the server has is said once, whoever brings the news first', async () => {
  const { outbox, confirmed, failed, answer } = setup();
  const item = outbox.add('c', { text: 'one' });
  assert.deepEqual(confirmed, []);
  outbox.confirm(item.client_id);
  await answer('sent');
  assert.deepEqual(confirmed.map(({ text }) => text), ['one']);
  outbox.add('c', { text: 'two' });
  await answer({ failed: 'invalid' });
  assert.equal(confirmed.length, 1);
  assert.equal(failed.length, 1);
});

test('a try without an answer goes out again under the same client_id', async () => {
  const { outbox, sent, answer, world, waits } = setup();
  outbox.add('c', { text: 'one' });
  await answer({ later: 2, code: 'unreachable' });
  assert.equal(waits[0], 2000);
  world.now += 2000;
  outbox.flush();
  assert.equal(sent.length, 2);
  assert.equal(sent[0]?.client_id, sent[1]?.client_id);
});

test('no way out: it waits, and goes when there is one', () => {
  const { outbox, sent, world } = setup();
  world.open = false;
  outbox.add('c', { text: 'one' });
  assert.equal(outbox.items[0]?.state, 'waiting');
  world.open = true;
  outbox.flush();
  assert.equal(sent.length, 1);
});

test('a refusal fails with its reason, holds nothing else up, and goes again when asked', async () => {
  const { outbox, sent, failed, answer } = setup();
  const item = outbox.add('c', { text: 'bad' });
  outbox.add('c', { text: 'good' });
  await answer({ failed: 'invalid' });
  assert.equal(failed[0]?.code, 'invalid');
  assert.equal(sent[1]?.text, 'good');
  await answer('sent');
  outbox.again(item);
  assert.equal(sent[2]?.client_id, item.client_id);
});

test('too fast is never a failure', async () => {
  const { outbox, world, answer, failed } = setup();
  outbox.add('c', { text: 'one' });
  for (let i = 0; i < 12; i++) {
    await answer({ later: 3, code: 'rate_limited' });
    assert.equal(outbox.items[0]?.code, 'rate_limited');
    world.now += 3000;
    outbox.flush();
  }
  assert.equal(failed.length, 0);
});

test('without an answer for long it asks the visitor', async () => {
  const { outbox, world, answer, failed } = setup();
  outbox.add('c', { text: 'one' });
  for (let i = 0; i < 6; i++) {
    await answer({ later: 1, code: 'unreachable' });
    world.now += 1000;
    outbox.flush();
  }
  assert.equal(failed[0]?.code, 'unreachable');
});

test('a reload loses nothing: same ids, same order; what belongs to another conversation comes back as text', () => {
  const first = setup();
  first.world.open = false;
  first.outbox.add('c', { text: 'one' });
  first.outbox.add('c', { text: 'two', payload: { x: 1 } });
  first.outbox.add('gone', { text: 'old words' });
  const second = setup(first.storage);
  second.world.open = false;
  assert.deepEqual(second.outbox.restore('c'), ['old words']);
  assert.deepEqual(
    second.outbox.items.map((i) => [i.text, i.client_id]),
    first.outbox.items.slice(0, 2).map((i) => [i.text, i.client_id]),
  );
});

test('files that were not sent yet are named after a reload, and the server is told their ids alone', () => {
  const files = [{ id: 'f', name: 'a.pdf', size: 3, content_type: 'application/pdf', url: '' }];
  const first = setup();
  first.outbox.add('c', { attachments: ['f'], files });
  assert.deepEqual(first.sent.map((it) => Object.keys(it).sort()), [['attachments', 'client_id', 'payload', 'text']]);
  const second = setup(first.storage);
  second.world.open = false;
  second.outbox.restore('c');
  assert.deepEqual(second.outbox.items[0]?.files, files);
});

test('what the server already shows is not sent again', () => {
  const { outbox, world, storage } = setup();
  world.open = false;
  const item = outbox.add('c', { text: 'one' });
  assert(outbox.confirm(item.client_id));
  assert.deepEqual(outbox.items, []);
  assert.deepEqual(Object.keys(storage), []);
});

test('refusals: which wait and which ask', () => {
  const problem = (status: number, code: string) => ({ status, code, title: '', detail: '' });
  assert.deepEqual(verdict(problem(429, 'rate_limited'), 7), { later: 7, code: 'rate_limited' });
  assert.deepEqual(verdict(problem(0, 'unreachable'), 0, 3), { later: 8, code: 'unreachable' });
  assert.deepEqual(verdict(problem(503, 'unavailable'), 4), { later: 4, code: 'unavailable' });
  assert.deepEqual(verdict(problem(422, 'invalid'), 0), { failed: 'invalid' });
  assert.deepEqual(verdict(problem(409, 'conversation_ended'), 0), { failed: 'conversation_ended' });
});

test('limits count code points and bytes of UTF-8', () => {
  assert.deepEqual(room('a'), { points: 7999, bytes: 32767 });
  assert.deepEqual(room('🌊'), { points: 7999, bytes: 32764 });
  assert.equal(room('é'.repeat(8001)).points, -1);
  assert.equal(new TextEncoder().encode('aé€🌊').length, 32768 - room('aé€🌊').bytes);
});
