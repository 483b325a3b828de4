/**
 * `npm run mock`: the stand-in runtime, and a stranger's page on another origin that carries the snippet.
 * The page takes ?token=, ?mode=, ?color=, ?dir= and so on; POST /_flags on the runtime's port throws its switches.
 */
import { createServer } from 'node:http';
import { MockRuntime } from './runtime.ts';

const mock = new MockRuntime();
const api = await mock.listen(Number(process.env['MOCK_PORT'] ?? 8391));

const page = (query: URLSearchParams): string => {
  const nonce = query.has('nonce') ? ` nonce="${query.get('nonce')}"` : '';
  const theme: Record<string, unknown> = {};
  for (const key of ['mode', 'primaryColor', 'position']) if (query.has(key)) theme[key] = query.get(key);
  const options = { agentId: '0b9dbb6e-0000-4000-8000-000000000001', token: query.get('token') ?? 'cdp_demo1234demo', channel: 'web', apiUrl: api, theme, ...(query.has('locale') ? { locale: query.get('locale') } : {}) };
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>A stranger's page</title>
<style>body{font:17px/1.6 Georgia,serif;margin:0;color:#222;background:${query.get('mode') === 'dark' ? '#0e1014' : '#fff'}}main{max-width:720px;margin:8vh auto;padding:0 24px;${query.get('mode') === 'dark' ? 'color:#c9cdd6' : ''}}h1{font-size:40px;line-height:1.15}button{all:unset;color:red}*{letter-spacing:.02em}</style>
<main><h1>Fine goods from the harbour</h1><p>${'Rope, canvas and wool, made to last. '.repeat(14)}</p></main>
<script src="${api}/embed/v1.js"${nonce}></script>
<script${nonce}>ConvoshipQueue.push(['init', ${JSON.stringify(options)}]);</script></html>`;
};

createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://page');
  if (url.pathname === '/_mock') {
    // Test controls live on the page's own port, so that the runtime's stays as the real one.
    const act = url.searchParams.get('do') ?? '';
    const talk = [...mock.talks.values()].at(-1);
    if (act === 'cut') mock.cut();
    if (act === 'close') mock.closeAll(Number(url.searchParams.get('code')));
    if (act === 'flags') Object.assign(mock.flags, JSON.parse(url.searchParams.get('value') ?? '{}'));
    if (act === 'say' && talk) mock.say(talk, JSON.parse(url.searchParams.get('value') ?? '{}'));
    if (act === 'session' && talk) mock.setSession(talk, JSON.parse(url.searchParams.get('value') ?? '{}'));
    if (act === 'forget') mock.talks.clear();
    response.writeHead(200, { 'Content-Type': 'application/json' });
    return response.end(JSON.stringify({ requests: mock.requests.splice(0), talks: [...mock.talks.values()].map((t) => ({ session: t.session, messages: t.messages })) }));
  }
  const headers: Record<string, string> = { 'Content-Type': 'text/html; charset=utf-8' };
  const csp = url.searchParams.get('csp');
  if (csp) headers['Content-Security-Policy'] = csp;
  response.writeHead(200, headers).end(page(url.searchParams));
}).listen(Number(process.env['PAGE_PORT'] ?? 8392), '127.0.0.1', () => console.log(`runtime ${api}, page http://127.0.0.1:${process.env['PAGE_PORT'] ?? 8392}/`));
