/**
 * The small safe subset of Markdown that messages may use: bold, italic, strike, code, links, lists, line breaks.
 * Text becomes a tree, the tree becomes DOM nodes; no string is ever read as HTML, so nothing in it can be.
 */

export type Inline =
  | string
  | { tag: 'strong' | 'em' | 'del'; kids: Inline[] }
  | { tag: 'code'; text: string }
  | { tag: 'a'; href: string; kids: Inline[] }
  | { tag: 'br' };

export type Blocky =
  | { tag: 'p'; kids: Inline[] }
  | { tag: 'pre'; text: string }
  | { tag: 'ul' | 'ol'; start: number; items: { kids: Inline[]; nested: Blocky[] }[] };

const MAX_DEPTH = 6;
const LINK = /^(?:https?:\/\/[^\s/]|mailto:[^\s@]+@|tel:\+?[\d(])/i;
const ITEM = /^( {0,9})(?:([-*+])|(\d{1,9})[.)]) +(.*)$/;
const HEADING = /^#{1,6} +(.*?)#*$/;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** The link if it is one we let a visitor follow, else null. */
export function safeHref(raw: string): string | null {
  const href = raw.trim();
  // Browsers drop control characters inside a URL's scheme
  return LINK.test(href) && !/[\u0000-\u0020\u007f\\]/.test(href) ? href : null;
}

export function parse(text: string): Blocky[] {
  return blocks(text.replace(/\r\n?/g, '\n').split('\n'), 0);
}

function blocks(lines: string[], depth: number): Blocky[] {
  const out: Blocky[] = [];
  let para: string[] = [];
  const flush = (): void => {
    if (para.length) out.push({ tag: 'p', kids: inlines(para.join('\n'), 0) });
    para = [];
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const fence = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence) {
      flush();
      const code: string[] = [];
      while (++i < lines.length && !(lines[i] ?? '').trim().startsWith(fence)) code.push(lines[i] ?? '');
      out.push({ tag: 'pre', text: code.join('\n') });
      continue;
    }
    const item = depth < MAX_DEPTH && ITEM.exec(line);
    if (item) {
      flush();
      i = list(lines, i, item, depth, out);
      continue;
    }
    const heading = HEADING.exec(line)?.[1];
    if (heading !== undefined) {
      flush();
      out.push({ tag: 'p', kids: [{ tag: 'strong', kids: inlines(heading.trim(), 0) }] });
    } else if (line.trim()) {
      para.push(line.trim());
    } else {
      flush();
    }
  }
  flush();
  return out;
}

/** Reads one list from line `i` on; answers the index of its last line. */
function list(lines: string[], i: number, first: RegExpExecArray, depth: number, out: Blocky[]): number {
  const ordered = first[3] !== undefined;
  const indent = (first[1] ?? '').length;
  const items: { kids: Inline[]; nested: Blocky[] }[] = [];
  let at = i;
  while (at < lines.length) {
    const item = ITEM.exec(lines[at] ?? '');
    if (!item || (item[1] ?? '').length !== indent || (item[3] !== undefined) !== ordered) break;
    const words = [item[4] ?? ''];
    const inner: string[] = [];
    for (at++; at < lines.length; at++) {
      const line = lines[at] ?? '';
      const deeper = line.search(/\S/) > indent;
      if (!line.trim()) {
        // A blank line stays inside the list only if an item or a deeper line follows it.
        const next = lines[at + 1] ?? '';
        if (next.search(/\S/) > indent || (ITEM.exec(next)?.[1]?.length === indent)) continue;
        break;
      }
      if (!deeper) break;
      if (inner.length || ITEM.test(line) || /^\s*(```|~~~)/.test(line)) inner.push(line.slice(indent + 2));
      else words.push(line.trim());
    }
    items.push({ kids: inlines(words.join('\n'), 0), nested: inner.length ? blocks(inner, depth + 1) : [] });
  }
  out.push({ tag: ordered ? 'ol' : 'ul', start: Number(first[3] ?? 1), items });
  return at - 1;
}

const WORD = /[\p{L}\p{N}]/u;

export function inlines(text: string, depth: number, linked = false): Inline[] {
  const out: Inline[] = [];
  let plain = '';
  const push = (node: Inline): void => {
    if (plain) out.push(plain);
    plain = '';
    out.push(node);
  };
  for (let i = 0; i < text.length; ) {
    const c = text.charAt(i);
    if (c === '\\' && PUNCTUATION.test(text.charAt(i + 1))) {
      plain += text.charAt(i + 1);
      i += 2;
      continue;
    }
    if (c === '\n') {
      push({ tag: 'br' });
      i++;
      continue;
    }
    const found = depth < MAX_DEPTH ? span(text, i, c, depth, linked) : null;
    if (found) {
      push(found.node);
      i = found.end;
    } else {
      // A run of marks that opened nothing is passed over whole, so that a million asterisks cost one look.
      const run = /^(?:\*+|_+|~+|`+)/.exec(text.slice(i, i + 64))?.[0] ?? c;
      plain += run;
      i += run.length;
    }
  }
  if (plain) out.push(plain);
  return out;
}

type Found = { node: Inline; end: number };

function span(text: string, i: number, c: string, depth: number, linked: boolean): Found | null {
  if (c === '`') return code(text, i);
  if (c === '*' || c === '_' || c === '~') return emphasis(text, i, c, depth, linked);
  if (linked) return null;
  if (c === '[') return link(text, i, depth);
  if (c === 'h' || c === 'H' || c === '<') return bare(text, i);
  return null;
}

function code(text: string, i: number): Found | null {
  const marks = /^`+/.exec(text.slice(i, i + 32))?.[0] ?? '`';
  const end = text.indexOf(marks, i + marks.length);
  if (end < 0) return null;
  return { node: { tag: 'code', text: text.slice(i + marks.length, end).replace(/\n/g, ' ') }, end: end + marks.length };
}

function emphasis(text: string, i: number, c: string, depth: number, linked: boolean): Found | null {
  const strong = text.charAt(i + 1) === c;
  if (c === '~' && !strong) return null;
  const marks = strong ? c + c : c;
  const from = i + marks.length;
  if (!text.charAt(from).trim() || (c === '_' && WORD.test(text.charAt(i - 1)))) return null;
  for (let end = text.indexOf(marks, from + 1), looks = 0; end > 0 && looks < 32; looks++) {
    const before = text.charAt(end - 1);
    const after = text.charAt(end + marks.length);
    const closes = before.trim() && before !== '\\' && (strong || (after !== c && before !== c)) && !(c === '_' && WORD.test(after));
    if (closes) {
      // `***both***`: the inner mark closes first.
      const shift = strong && after === c ? 1 : 0;
      const kids = inlines(text.slice(from, end + shift), depth + 1, linked);
      return { node: { tag: c === '~' ? 'del' : strong ? 'strong' : 'em', kids }, end: end + shift + marks.length };
    }
    end = text.indexOf(marks, end + 1);
  }
  return null;
}

function link(text: string, i: number, depth: number): Found | null {
  // Bounded, so that a text of nothing but brackets stays cheap.
  const found = /^\[([^[\]]{1,500})\]\(\s*<?([^\s<>]{1,2000}?)>?(?:\s+"[^"]{0,300}")?\s*\)/.exec(text.slice(i, i + 3000));
  if (!found) return null;
  const label = found[1] ?? '';
  const href = safeHref(found[2] ?? '');
  const kids = inlines(label, depth + 1, true);
  return { node: href ? { tag: 'a', href, kids } : { tag: 'em', kids: [label] }, end: i + found[0].length };
}

function bare(text: string, i: number): Found | null {
  if (WORD.test(text.charAt(i - 1))) return null;
  const found = /^<?(https?:\/\/[^\s<>"'`*]{1,2000})(>?)/i.exec(text.slice(i, i + 2010));
  if (!found || (text.charAt(i) === '<' && !found[2])) return null;
  let url = found[1] ?? '';
  if (!found[2]) {
    url = url.replace(/[.,:;!?)\]}]+$/, (tail) => (tail.startsWith(')') && url.includes('(') ? ')' : ''));
  }
  const href = safeHref(url);
  if (!href) return null;
  return { node: { tag: 'a', href, kids: [url] }, end: i + (found[2] ? found[0].length : url.length) };
}

/** The tree as DOM nodes. */
export function render(text: string, doc: Document = document): DocumentFragment {
  const root = doc.createDocumentFragment();
  for (const block of parse(text)) root.append(blockNode(block, doc));
  return root;
}

function blockNode(block: Blocky, doc: Document): HTMLElement {
  const el = doc.createElement(block.tag);
  if (block.tag === 'p') {
    el.append(...block.kids.map((kid) => inlineNode(kid, doc)));
  } else if (block.tag === 'pre') {
    el.tabIndex = 0; // Scrolls sideways: the keyboard must reach it.
    el.append(doc.createElement('code'));
    if (el.firstChild) el.firstChild.textContent = block.text;
  } else {
    if (block.tag === 'ol' && block.start !== 1) (el as HTMLOListElement).start = block.start;
    for (const item of block.items) {
      const li = doc.createElement('li');
      li.append(...item.kids.map((kid) => inlineNode(kid, doc)), ...item.nested.map((kid) => blockNode(kid, doc)));
      el.append(li);
    }
  }
  return el;
}

function inlineNode(node: Inline, doc: Document): Node {
  if (typeof node === 'string') return doc.createTextNode(node);
  const el = doc.createElement(node.tag);
  if (node.tag === 'code') el.textContent = node.text;
  if (node.tag === 'a') leadTo(el as HTMLAnchorElement, node.href);
  if ('kids' in node) el.append(...node.kids.map((kid) => inlineNode(kid, doc)));
  return el;
}

/** Makes an anchor lead to `href` in a way that gives the other page nothing of ours. */
export function leadTo(a: HTMLAnchorElement, href: string): void {
  a.href = href;
  a.target = '_blank';
  a.rel = 'noopener noreferrer nofollow';
}
