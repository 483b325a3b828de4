/** What stands beside a message's text: Markdown where it is a text, as it is where it is a title, and never HTML. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';
import type { Block } from '../src/protocol.ts';
import { block } from '../src/ui/blocks.ts';
import type { Acts, View } from '../src/ui/view.ts';

const { window } = new JSDOM('');
Object.assign(globalThis, { document: window.document, Node: window.Node });
const view = { say: (key: string) => key, api: 'https://api.example.com', active: true } as unknown as View;
const drawn = (it: Block): HTMLElement => block(it, view, {} as Acts) as HTMLElement;

const TEXT = '**Warm** and [here](https://e.com/a), not <img src=x onerror=alert(1)>';
const SHOWN =
  '<p><strong>Warm</strong> and <a href="https://e.com/a" target="_blank" rel="noopener noreferrer nofollow">here</a>, ' +
  'not &lt;img src=x onerror=alert(1)&gt;</p>';

test('the texts of a card, a carousel and a list are Markdown as a message’s is', () => {
  for (const it of [
    { type: 'card', title: 'A', text: TEXT },
    { type: 'carousel', cards: [{ title: 'A', text: TEXT }] },
    { type: 'list', items: [{ title: 'A', text: TEXT }] },
  ] satisfies Block[]) {
    assert.equal(drawn(it).querySelector('.said')?.innerHTML, SHOWN, it.type);
    assert.equal(drawn(it).querySelector('img'), null);
  }
});

test('a title is no Markdown, and a text that is none is left out', () => {
  assert.equal(drawn({ type: 'card', title: '2 * 3 * 4 **b**' }).querySelector('strong')?.textContent, '2 * 3 * 4 **b**');
  const odd = { type: 'list', items: [{ title: '**A**', text: 5 }, null] } as unknown as Block;
  assert.equal(drawn(odd).querySelectorAll('.said').length, 0);
  assert.equal(drawn(odd).querySelector('.item-title')?.textContent, '**A**');
});

test('a link that could run something leads nowhere', () => {
  const found = drawn({ type: 'card', title: 'A', text: '[x](javascript:alert(1)) [y](data:text/html,a)' });
  assert.equal(found.querySelector('a'), null);
});
