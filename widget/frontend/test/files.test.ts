import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdict } from '../src/files/up.ts';

const refused = (status: number, body: object, wait = 5) => {
  const answer = verdict(status, body, wait);
  assert(typeof answer === 'object' && 'no' in answer);
  return answer;
};

test('what passes by itself is waited for, unless it takes too long to wait', () => {
  assert.deepEqual(refused(429, { code: 'rate_limited' }, 40), { no: 'fileFast', again: true, words: '', wait: 40 });
  assert.equal(refused(429, { code: 'rate_limited' }, 3600).wait, 0);
  assert.equal(refused(503, { code: 'unavailable' }, 30).wait, 30);
  assert.equal(refused(500, { code: 'internal' }, 30).wait, 0);
  assert.equal(refused(429, { code: 'quota_exceeded' }, 30).wait, 0);
});

test('the reason is the server’s own, without what it says to programmers', () => {
  assert.equal(refused(422, { code: 'invalid', errors: { file: ['The file is empty.'] }, hint: 'It is described at /v1/docs.' }).words, 'The file is empty.');
  assert.equal(refused(415, { code: 'unsupported_media_type', detail: 'Not taken.', hint: 'Send images.' }).words, 'Not taken. Send images.');
  assert.equal(refused(415, { code: 'unsupported_media_type', hint: 'Send JSON with Content-Type: application/json.' }).words, '');
  assert.equal(refused(429, { code: 'quota_exceeded', detail: 'This conversation has 50 files, and takes no more.' }).words, 'This conversation has 50 files, and takes no more.');
  assert.equal(refused(413, { code: 'payload_too_large', detail: 'Too large.' }).words, '');
});
