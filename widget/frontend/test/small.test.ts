/** The small pure parts: theme, texts, storage, events of a stream. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openStore } from '../src/app/store.ts';
import { readEvents } from '../src/app/stream.ts';
import { LOCALES as FILE_LOCALES } from '../src/files/texts.ts';
import { inLanguage, isRtl, nearest, speaker, spoken } from '../src/app/texts.ts';
import { LOCALES } from '../src/app/words.ts';
import { DEFAULTS, legible, luminance, merge, onPrimary, readable, translated } from '../src/app/theme.ts';
import { clock, date } from '../src/ui/bubble.ts';
import { memoryStorage } from './storage.ts';

const contrast = (a: string, b: string): number => {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

test('theme: the later layer wins, key by key', () => {
  const { theme, bad } = merge([
    { primaryColor: '#112233', header: { title: 'A', subtitle: 'B' }, customTexts: { send: 'Go', title: 'T' } },
    { header: { title: 'C' }, customTexts: { send: 'Off it goes' }, offset: { x: 10 } },
    undefined,
  ]);
  assert.equal(theme.primaryColor, '#112233');
  assert.equal(theme['header.title'], 'C');
  assert.equal(theme['header.subtitle'], 'B');
  assert.deepEqual(theme.customTexts, { send: 'Off it goes', title: 'T' });
  assert.equal(theme['offset.x'], 10);
  assert.deepEqual(bad, []);
});

test('theme: what is unknown or unusable is ignored and named by its path', () => {
  const { theme, bad } = merge([
    null,
    { primaryColor: 'red', mode: 'sepia', colour: 1, header: { title: 5, nope: 'x' }, radius: 99, avatarUrl: 'javascript:alert(1)', customTexts: { a: 1 }, zIndex: '9', offset: 3 },
  ]);
  assert.deepEqual(bad, ['primaryColor', 'mode', 'colour', 'header.title', 'header.nope', 'radius', 'avatarUrl', 'customTexts', 'zIndex', 'offset']);
  assert.deepEqual(theme, DEFAULTS);
  assert.deepEqual(merge([undefined, 'blue']).bad, ['theme']);
  assert.deepEqual(merge([undefined, { primaryColor: null, greeting: '' }]).bad, []);
});

test('theme: text on any colour reads at AA', () => {
  for (let i = 0; i < 4096; i += 7) {
    const hex = '#' + i.toString(16).padStart(3, '0');
    assert(contrast(hex, readable(hex)) >= 4.5, hex);
    for (const ground of ['#ffffff', '#f1f3f6', '#17191e', '#262a32']) assert(contrast(legible(hex, ground), ground) >= 4.5, `${hex} on ${ground}`);
  }
  assert.equal(onPrimary({ ...DEFAULTS, primaryColor: '#ffffff', textColor: '#eeeeee' }), '#000');
  assert.equal(onPrimary({ ...DEFAULTS, primaryColor: '#000000', textColor: '#eeeeee' }), '#eeeeee');
});

test('texts: every locale has every key, and the same places to fill', () => {
  const en = LOCALES['en'] as Record<string, string>;
  for (const [locale, texts] of Object.entries(LOCALES)) {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(en).sort(), locale);
    for (const [key, text] of Object.entries(texts)) assert.deepEqual(text.match(/\{\w+\}/g), en[key]?.match(/\{\w+\}/g), `${locale}.${key}`);
  }
});

test('texts: the owner’s words win, unknown languages speak English', () => {
  assert.equal(speaker('de-AT', [])('send'), 'Senden');
  assert.equal(speaker('xx', [])('send'), 'Send');
  assert.equal(speaker('de', [{ send: 'Los' }, { send: 'Ab' }])('send'), 'Ab');
  assert.equal(speaker('de', [null, undefined, 'x', { send: 7 }])('send'), 'Senden');
  assert.equal(speaker('en', [])('limit', { n: 5 }), '5 characters left');
  assert(isRtl('ar-EG') && isRtl('he') && !isRtl('en') && !isRtl('arn'));
});

test('texts: a text by language is the nearest one, the one for everybody else, or the widget’s own', () => {
  const own = [{ send: { de: 'Los', 'de-CH': 'Ab', 'pt-BR': 'Vai', '*': 'Go' }, retry: { de: 'Nochmal' } }];
  for (const [locale, word] of Object.entries({ de: 'Los', 'DE-at': 'Los', de_ch: 'Ab', 'de-CH-1996': 'Ab', pt: 'Vai', 'pt-PT': 'Vai', fr: 'Go', '': 'Go' })) assert.equal(speaker(locale, own)('send'), word, locale);
  assert.equal(speaker('fr', own)('retry'), 'Try again');
  assert.equal(speaker('de', [{ send: 'Senden!' }, { send: { fr: 'Envoyer' } }])('send'), 'Senden!');
  assert.equal(inLanguage({ de: 1 }, 'de'), 1);
  assert.equal(nearest([], 'de'), undefined);
});

test('texts: a deployment speaks its own languages, the first to everybody else', () => {
  assert.equal(spoken(['de', 'en'], 'en-GB'), 'en');
  assert.equal(spoken(['de', 'en'], 'fr'), 'de');
  assert.equal(spoken([], 'fr'), 'fr');
  assert.equal(spoken(undefined, 'fr'), 'fr');
  assert.equal(spoken([7, 'de'], 'fr'), 'de');
});

test('texts: what can be taken away goes, what names a control stays', () => {
  const say = speaker('en', [{ subtitle: '', send: '', close: ' ', messages: '', confirmYes: '', pausedTitle: '' }]);
  assert.equal(say('subtitle'), '');
  assert.deepEqual([say('send'), say('close'), say('messages'), say('confirmYes'), say('pausedTitle')], ['Send', 'Close chat', 'Conversation', 'End it', 'The chat is paused']);
});

test('theme: greeting and header are said in the visitor’s language, where there is one for them', () => {
  const { theme, bad } = merge([{ greeting: 'Hi', header: { title: 'Shop' }, customTexts: { greeting: { de: 'Moin' }, headerTitle: { de: 'Laden' }, headerSubtitle: 'never a plain one', launcherLabel: {} } }]);
  assert.deepEqual(bad, []);
  assert.equal(translated(theme, 'de-AT').greeting, 'Moin');
  assert.equal(translated(theme, 'de-AT')['header.title'], 'Laden');
  assert.equal(translated(theme, 'fr').greeting, 'Hi');
  assert.equal(translated(theme, 'fr')['header.title'], 'Shop');
  assert.equal(translated(theme, 'fr')['header.subtitle'], undefined);
  assert.deepEqual(merge([null, { customTexts: { send: { de: 5 } } }]).bad, ['customTexts']);
});

test('texts: the file from which the Appearance page knows them is what the widget says', () => {
  const file = JSON.parse(readFileSync(new URL('../../../static/widget/texts.json', import.meta.url), 'utf8'));
  const both = Object.keys(LOCALES).map((locale) => [locale, { ...LOCALES[locale], ...FILE_LOCALES[locale] }]);
  assert.deepEqual(file, Object.fromEntries(both));
});

test('storage: one prefix, memory where it is refused, and damaged values are nothing', () => {
  const storage = memoryStorage();
  const store = openStore('p:', () => storage);
  store.set('a', { b: 1 });
  assert.deepEqual(store.get('a'), { b: 1 });
  assert.deepEqual(Object.keys(storage), ['p:a']);
  storage.setItem('p:broken', '{');
  storage.setItem('other', '1');
  assert.equal(store.get('broken'), null);
  assert.deepEqual(store.keys().sort(), ['a', 'broken']);
  store.drop('a');
  assert.equal(store.get('a'), null);

  const blocked = openStore('p:', () => {
    throw new DOMException('denied', 'SecurityError');
  });
  blocked.set('a', 1);
  assert.equal(blocked.get('a'), 1);
  assert.deepEqual(blocked.keys(), ['a']);
  blocked.drop('a');
  assert.equal(blocked.get('a'), null);
});

test('stream: events come whole, however they are cut', async () => {
  const source = new TextEncoder().encode('event: head\nid: 3\ndata: {"a":\ndata: "ü"}\n\n: comment\n\r\ndata: two\r\n\r\n');
  for (const size of [1, 2, 7, 1000]) {
    const got: [string, string][] = [];
    const body = new ReadableStream<Uint8Array>({
      start(control) {
        for (let i = 0; i < source.length; i += size) control.enqueue(source.slice(i, i + size));
        control.close();
      },
    });
    await readEvents(body, (name, data) => got.push([name, data]));
    assert.deepEqual(got, [['head', '{"a":\n"ü"}'], ['', 'two']], String(size));
  }
});

test('times: as the visitor’s device writes them, days in the language of the chat', () => {
  const device = (...languages: string[]): void => void Object.defineProperty(globalThis, 'navigator', { value: { languages }, configurable: true });
  const at = '2026-11-27T09:05:00';
  device('en-GB', 'en');
  assert.equal(clock(at), '09:05');
  assert.equal(date(at, 'en'), 'Friday 27 November');
  assert.equal(date(at, 'de'), 'Freitag, 27. November');
  device('en-US');
  assert.match(clock(at), /^9:05\sAM$/);
  assert.equal(date(at, 'en'), 'Friday, November 27');
  assert.match(clock('2026-11-27T14:05:00'), /^2:05\sPM$/);
  device('de-AT');
  assert.equal(clock(at), '09:05');
  assert.equal(clock('never'), '');
});
