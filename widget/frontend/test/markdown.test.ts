import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';
import { parse, render, safeHref } from '../src/markdown.ts';

const { document } = new JSDOM('').window;
const html = (text: string): string => {
  const box = document.createElement('div');
  box.append(render(text, document));
  return box.innerHTML;
};

const CASES: [string, string, string][] = [
  ['bold and italic', '**a** and *b* and __c__ and _d_', '<p><strong>a</strong> and <em>b</em> and <strong>c</strong> and <em>d</em></p>'],
  ['both at once', '***a***', '<p><strong><em>a</em></strong></p>'],
  ['strike', '~~a~~ ~b~', '<p><del>a</del> ~b~</p>'],
  ['inside words', 'snake_case_name', '<p>snake_case_name</p>'],
  ['sums', '2 * 3 * 4', '<p>2 * 3 * 4</p>'],
  ['unclosed marks', '**a *b', '<p>**a *b</p>'],
  ['code hides marks', '`**a** <b>`', '<p><code>**a** &lt;b&gt;</code></p>'],
  ['escapes', '\\*a\\* \\[b](c)', '<p>*a* [b](c)</p>'],
  ['line breaks and paragraphs', 'a\nb\n\nc', '<p>a<br>b</p><p>c</p>'],
  ['list', '- a\n- **b**', '<ul><li>a</li><li><strong>b</strong></li></ul>'],
  ['ordered list that starts late', '3. a\n4. b', '<ol start="3"><li>a</li><li>b</li></ol>'],
  ['nested list', '- a\n  - b\n- c', '<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>'],
  ['text, then a list', 'Here:\n1. a\n2. b\nend', '<p>Here:</p><ol><li>a</li><li>b</li></ol><p>end</p>'],
  ['fence', '```js\n<a>\n**b**\n```', '<pre tabindex="0"><code>&lt;a&gt;\n**b**</code></pre>'],
  ['heading becomes bold', '## Title', '<p><strong>Title</strong></p>'],
  ['html is text', '<b>x</b><img src=x>', '<p>&lt;b&gt;x&lt;/b&gt;&lt;img src=x&gt;</p>'],
  ['image becomes a link', '![x](https://e.com/i.png)', '<p>!<a href="https://e.com/i.png" target="_blank" rel="noopener noreferrer nofollow">x</a></p>'],
];
for (const [name, source, want] of CASES) test(`markdown: ${name}`, () => assert.equal(html(source), want));

test('links: labelled, bare, in angle brackets, with trailing punctuation', () => {
  const rel = 'target="_blank" rel="noopener noreferrer nofollow"';
  assert.equal(html('[a *b*](https://e.com/x?y=1)'), `<p><a href="https://e.com/x?y=1" ${rel}>a <em>b</em></a></p>`);
  assert.equal(html('see https://e.com/a.'), `<p>see <a href="https://e.com/a" ${rel}>https://e.com/a</a>.</p>`);
  assert.equal(html('(https://e.com/a)'), `<p>(<a href="https://e.com/a" ${rel}>https://e.com/a</a>)</p>`);
  assert.equal(html('<https://e.com>'), `<p><a href="https://e.com" ${rel}>https://e.com</a></p>`);
  assert.equal(html('[m](mailto:a@b.c) [t](tel:+491)').match(/<a /g)?.length, 2);
});

const EVIL = [
  'javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'java\nscript:alert(1)', 'java\tscript:alert(1)', '\u0001javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>', 'vbscript:x', 'file:///etc/passwd', 'blob:https://e.com/1', 'about:blank', '//evil.com', '/relative', '#x',
  'https:evil.com', 'https:\\\\evil.com', 'http://', 'mailto:', 'tel:javascript:alert(1)', 'https://e.com/\\@evil', 'view-source:https://e.com', 'javascript&colon;alert(1)', 'ＪＡＶＡscript:alert(1)',
];
test('no link leads anywhere but http, https, mailto and tel', () => {
  for (const href of EVIL) {
    assert.equal(safeHref(href), null, href);
    assert(!html(`[x](${href})`).includes('<a '), href);
  }
});

const XSS = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', '"><script>alert(1)</script>', '<iframe srcdoc="<script>alert(1)</script>">',
  '[a](https://e.com" onmouseover="alert(1))', '[a](https://e.com "x\\" onclick=alert(1)")', '[<img src=x onerror=alert(1)>](https://e.com)', '`<script>`', '```\n</code><script>alert(1)</script>\n```',
  '**<b onclick=alert(1)>x</b>**', '- <img src=x onerror=alert(1)>', '[x](javascript:alert(1))', '![x](javascript:alert(1))', '<https://e.com/"onclick="alert(1)>', '<a href="javascript:alert(1)">x</a>',
  '[[a](javascript:x)](https://e.com)', '&lt;script&gt;alert(1)&lt;/script&gt;', '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>', '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '\u0000<script>\u0000', '[a](<https://e.com onclick=x>)', '<!--><img src=x onerror=alert(1)>-->', '<x contenteditable onblur=alert(1)>',
];
test('nothing in a text becomes an element or attribute that we did not build', () => {
  const tags = new Set(['P', 'STRONG', 'EM', 'DEL', 'CODE', 'PRE', 'UL', 'OL', 'LI', 'A', 'BR']);
  const names = new Set(['href', 'target', 'rel', 'start', 'tabindex']);
  for (const source of XSS) {
    const box = document.createElement('div');
    box.append(render(source, document));
    for (const el of box.querySelectorAll('*')) {
      assert(tags.has(el.tagName), `${source} gave <${el.tagName}>`);
      for (const attribute of el.getAttributeNames()) assert(names.has(attribute), `${source} gave ${attribute}`);
      const href = el.getAttribute('href');
      if (href !== null) assert.match(href, /^(https?:\/\/|mailto:|tel:)/i);
    }
  }
});

test('no text takes long, whatever it is made of', () => {
  const units = ['*', '_', '`', '[', '](', '[a](', '**a', '_a ', '- ', '  - ', '<h', 'http://', '```\n', '1. \n', '\\', '~~', '[x](https://e.com', '*a**'];
  for (const unit of units) {
    const begun = performance.now();
    parse(unit.repeat(Math.ceil(8000 / unit.length)));
    assert(performance.now() - begun < 1000, `${unit}: ${performance.now() - begun} ms`);
  }
});

test('any string at all is rendered without a throw', () => {
  const parts = ['**', '*', '_', '`', '\n', '- ', '1. ', '[', ']', '(', ')', 'https://e.com', 'word', ' ', '\\', '```', '~~', '🌊', '\ud800', '#'];
  for (let i = 0; i < 500; i++) {
    const text = Array.from({ length: 30 }, () => parts[Math.floor(Math.random() * parts.length)]).join('');
    assert.doesNotThrow(() => render(text, document), text);
  }
});

// What a member's composer writes for a value (`light_escapes.py`) is shown as just that value.
const VALUES: { value: string; written: string }[] = JSON.parse(
  readFileSync(new URL('values_in_markdown.json', import.meta.url), 'utf8'),
);
for (const { value, written } of VALUES) {
  test(`a value stays words: ${value}`, () => {
    const box = document.createElement('div');
    box.append(render(`Hello ${written}, **thanks**!`, document));
    assert.equal(box.textContent, `Hello ${value}, thanks!`);
    assert.equal(box.querySelectorAll('*').length, 2);
  });
}
