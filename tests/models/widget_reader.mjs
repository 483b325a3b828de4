// Reads a text, in JSON, a line; answers the links that the widget draws of it, as [[address, words], ...].
import { createInterface } from 'node:readline';
import { parse } from '../../widget/frontend/src/markdown.ts';

const words = (kid) => (typeof kid === 'string' ? kid : kid.tag === 'br' ? '\n' : 'text' in kid ? kid.text : kid.kids.map(words).join(''));

function linksOf(kids, found) {
  for (const kid of kids) {
    if (kid.tag === 'a') found.push([kid.href, words(kid)]);
    if (kid.kids) linksOf(kid.kids, found);
  }
}

function linksIn(blocks, found) {
  for (const block of blocks) {
    linksOf(block.kids ?? [], found);
    for (const item of block.items ?? []) {
      linksOf(item.kids, found);
      linksIn(item.nested, found);
    }
  }
  return found;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(linksIn(parse(JSON.parse(line)), []))}\n`);
}
