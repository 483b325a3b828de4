/** The built v1.js in a page: the queue, the globals, what it asks for and what it survives. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JSDOM, VirtualConsole } from 'jsdom';

const V1 = readFileSync(join(import.meta.dirname, '../../../static/widget/v1.js'), 'utf8');
const TOKEN = 'cdp_abcdefgh12345';
const INIT = { agentId: 'a', token: TOKEN, apiUrl: 'https://api.example' };

type Answer = () => Promise<unknown>;
const config = (body: unknown = { theme: { primaryColor: '#ffee00', position: 'bottom-left' }, texts: {}, features: {} }, status = 200): Answer =>
  async () => ({ ok: status < 400, status, json: async () => body });

function page(answer: Answer = config(), before: (window: any) => void = () => {}) {
  const says: string[] = [];
  const virtualConsole = new VirtualConsole();
  const hear = (...args: unknown[]): void => void says.push(args.map(String).join(' '));
  virtualConsole.on('warn', hear).on('error', hear).on('jsdomError', hear);
  const dom = new JSDOM('<!doctype html><html lang="en"><body></body></html>', { url: 'https://shop.example/', runScripts: 'outside-only', virtualConsole });
  const { window } = dom as unknown as { window: any };
  const asked: { url: string; headers: Record<string, string> }[] = [];
  window.fetch = (url: string, init: { headers: Record<string, string> }) => {
    asked.push({ url, headers: init.headers });
    return answer();
  };
  before(window);
  const known = new Set(Object.getOwnPropertyNames(window));
  window.eval(V1);
  const host = (): any => window.document.querySelector('convoship-widget');
  return { window, asked, says, host, fresh: () => Object.getOwnPropertyNames(window).filter((k) => !known.has(k)), launcher: () => host()?.shadowRoot.querySelector('button') };
}
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 20));

test('the queue is set in the very first statement', () => {
  assert(V1.startsWith('window.ConvoshipQueue=window.ConvoshipQueue||[];'));
});

test('plain form: no guard before, the push after runs at once; one request, with the token in a header', async () => {
  const { window, asked, host, launcher } = page();
  window.eval(`ConvoshipQueue.push(['init', ${JSON.stringify(INIT)}])`);
  await settle();
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.url, 'https://api.example/v1/public/runtime/config?agent_id=a&page=%2F&locale=en&visitor_id=');
  assert.equal(asked[0]?.headers['Authorization'], 'Bearer ' + TOKEN);
  assert(host());
  assert.equal(launcher().getAttribute('aria-label'), 'Chat');
  assert.equal(launcher().getAttribute('aria-expanded'), 'false');
});

test('guard form: what was pushed before is replayed in order, and stays in the queue', async () => {
  const got: string[] = [];
  const { window, asked } = page(config(), (w) => {
    w.ConvoshipQueue = [['on', 'ready', () => got.push('ready')], ['init', INIT], ['hide']];
  });
  await settle();
  assert.equal(asked.length, 1);
  assert.deepEqual(got, ['ready']);
  assert.equal(window.ConvoshipQueue.length, 3);
  assert.equal(window.Convoship.state.visible, false);
});

test('it leaves two globals and not one handler', async () => {
  const { window, fresh } = page();
  window.Convoship.init(INIT);
  await settle();
  assert.deepEqual(fresh().sort(), ['Convoship', 'ConvoshipQueue']);
  for (const name of ['onerror', 'onload', 'onmessage', 'onunhandledrejection']) assert.equal(window[name] ?? null, null);
  assert.equal(window.document.cookie, '');
});

test('the first paint has the server’s theme, and the page’s own wins', async () => {
  const { window, host } = page();
  window.Convoship.init({ ...INIT, theme: { primaryColor: '#123456' } });
  assert.equal(host(), null);
  await settle();
  const style = host().shadowRoot.querySelector('div').style;
  assert.equal(style.getPropertyValue('--launch'), '#123456');
  assert.equal(style.getPropertyValue('--on-launch'), '#fff');
  assert.equal(style.left, '20px');
});

test('an id that the server gives for its visitor is kept where the app looks for it, and sent from then on', async () => {
  const given = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
  const key = `convoship:${TOKEN.slice(0, 12)}:visitor`;
  const { window, asked } = page(config({ theme: {}, features: { visitor_id: given } }));
  window.Convoship.init(INIT);
  await settle();
  assert.equal(window.localStorage.getItem(key), JSON.stringify(given));
  window.Convoship.destroy();
  window.Convoship.init(INIT);
  await settle();
  assert.deepEqual(asked.map(({ url }) => new URL(url).searchParams.get('visitor_id')), ['', given]);
});

test('without one nothing is kept of a visitor who only looks', async () => {
  const { window } = page();
  window.Convoship.init(INIT);
  await settle();
  assert.equal(window.localStorage.length, 0);
});

test('theme values that can’t be used fall back, and nothing of them reaches a style', async () => {
  const evil = { primaryColor: 'red;background:url(x)', offset: { x: '1px;}', y: -3 }, zIndex: 'auto', position: 'top', launcher: null, customTexts: 7 };
  const { window, host } = page(config({ theme: evil }));
  window.Convoship.init({ ...INIT, theme: 'x' });
  await settle();
  const style = host().shadowRoot.querySelector('div').style;
  assert.equal(style.getPropertyValue('--launch'), '#2f54d6');
  assert.equal(style.right, '20px');
  assert.equal(style.zIndex, '2147483000');
});

test('a second script and a second init are harmless and said', async () => {
  const { window, asked, says } = page();
  window.Convoship.init(INIT);
  window.Convoship.init(INIT);
  window.eval(V1);
  await settle();
  assert.equal(asked.length, 1);
  assert.equal(window.document.querySelectorAll('convoship-widget').length, 1);
  assert.equal(says.filter((line) => /twice/.test(line)).length, 2);
});

test('the placeholder is recognised before any request and named', async () => {
  const { window, asked, says, host } = page();
  const errors: any[] = [];
  window.Convoship.on('error', (error: unknown) => errors.push(error));
  window.Convoship.init({ ...INIT, token: 'cdp_AbCd1234_PASTE_YOUR_TOKEN' });
  await settle();
  assert.equal(asked.length, 0);
  assert(host());
  assert.equal(errors[0].code, 'token_placeholder');
  assert(says.some((line) => line.includes('cdp_AbCd1234_PASTE_YOUR_TOKEN')));
});

test('a refusal still paints the launcher, and the console has the whole reason', async () => {
  const problem = { code: 'origin_not_allowed', title: 'Origin not allowed', detail: 'Seen: https://shop.example', hint: 'Add it on the Deploy page.', type: 'https://docs.example/x' };
  const { window, says, host } = page(config(problem, 403));
  window.Convoship.init(INIT);
  await settle();
  assert(host());
  assert.equal(window.Convoship.state.status, 'refused');
  for (const part of ['403 origin_not_allowed', problem.title, problem.detail, problem.hint]) assert(says.join('\n').includes(part), part);
});

for (const [name, answer] of [
  ['no network', async () => Promise.reject(new TypeError('Failed to fetch'))],
  ['fetch throws', () => { throw new Error('blocked'); }],
  ['html for json', async () => ({ ok: true, status: 200, json: async () => JSON.parse('<html>') })],
  ['null for a config', config(null)],
  ['nonsense for a config', config({ theme: [], texts: 'x', features: 3 })],
] as [string, Answer][]) {
  test(`the launcher appears all the same: ${name}`, async () => {
    const { window, host, says } = page(answer);
    window.Convoship.init(INIT);
    await settle();
    assert(host());
    assert(!says.some((line) => /Uncaught/.test(line)));
  });
}

test('no attachShadow, no storage: nothing is thrown', async () => {
  const { window, says } = page(config(), (w) => {
    w.HTMLElement.prototype.attachShadow = undefined;
    w.Element.prototype.attachShadow = undefined;
    Object.defineProperty(w, 'localStorage', { get: () => { throw new Error('denied'); } });
  });
  window.Convoship.init(INIT);
  window.Convoship.open();
  await settle();
  assert(says.some((line) => /attachShadow/.test(line)));
});

test('wrong commands are named and harm nothing', async () => {
  const { window, says } = page();
  window.ConvoshipQueue.push(['nonsense'], null, 7, 'open', ['constructor'], ['state'], []);
  window.Convoship.init();
  window.Convoship.init({ agentId: 'x' });
  await settle();
  assert(says.filter((line) => /there is no/.test(line)).length >= 4);
  assert.equal(window.Convoship.state.status, 'idle');
});

test('a subscriber that throws stops nobody; unsubscribed ones hear nothing', async () => {
  const { window, says } = page();
  const got: string[] = [];
  window.Convoship.on('ready', () => { throw new Error('mine'); });
  const stop = window.Convoship.on('ready', () => got.push('stopped'));
  const off = (): void => void got.push('off');
  window.Convoship.on('ready', off);
  window.Convoship.on('ready', () => got.push('heard'));
  stop();
  window.Convoship.off('ready', off);
  window.Convoship.init(INIT);
  await settle();
  assert.deepEqual(got, ['heard']);
  assert(says.some((line) => /mine/.test(line)));
});

test('destroy leaves nothing, also while the configuration is under way; a later init works', async () => {
  const { window, host, asked } = page();
  window.Convoship.init(INIT);
  window.Convoship.destroy();
  await settle();
  assert.equal(host(), null);
  window.Convoship.init(INIT);
  await settle();
  assert(host());
  window.Convoship.destroy();
  assert.equal(host(), null);
  assert.equal(window.Convoship.state.status, 'idle');
  assert.equal(asked.length, 2);
});

test('state is a frozen snapshot, and the API itself can’t be changed', () => {
  const { window } = page();
  assert(Object.isFrozen(window.Convoship) && Object.isFrozen(window.Convoship.state));
  assert.match(window.Convoship.version, /^\d+\.\d+\.\d+$/);
  for (const name of ['init', 'open', 'close', 'toggle', 'show', 'hide', 'sendMessage', 'identify', 'logout', 'reset', 'setTheme', 'setLocale', 'destroy', 'on', 'off']) {
    assert.equal(typeof window.Convoship[name], 'function', name);
  }
});
