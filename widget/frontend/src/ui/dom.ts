/** Building nodes without a framework and without a string ever being read as HTML. */

type Props = Record<string, unknown>;
type Kid = Node | string | null | undefined | false;

/** `class`, `on…` and DOM properties are set as such, what has a dash or is `role` as an attribute. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...kids: Kid[]): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (key === 'class') el.className = String(value);
    else if (key === 'role' || key.includes('-')) el.setAttribute(key, String(value));
    else (el as unknown as Props)[key] = value;
  }
  el.append(...kids.filter((kid): kid is Node | string => !!kid));
  return el;
}

/** 24 x 24, stroked; the loader has the launcher's own. */
export const ICONS = {
  close: 'M6 6l12 12M18 6L6 18',
  more: 'M5 12h0M12 12h0M19 12h0',
  send: 'M12 19V5m-6 6 6-6 6 6',
  stop: 'M7 7h10v10H7Z',
  person: 'M4 20c0-4 4-6 8-6s8 2 8 6M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z',
  end: 'M8 12h8M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  fresh: 'M4 12a8 8 0 1 1 2.5 5.8M4 20v-4h4',
  down: 'M12 5v14m-6-6 6 6 6-6',
  alert: 'M12 8v5m0 3.5h0M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  chat: 'M21 11.5A8.4 8.4 0 0 1 8.7 19L3 21l2-5.6A8.4 8.4 0 1 1 21 11.5Z',
  spark: 'M12 3l2 7 7 2-7 2-2 7-2-7-7-2 7-2Z',
  left: 'M15 6l-6 6 6 6',
  right: 'M9 6l6 6-6 6',
  link: 'M9 7h8v8M17 7 7 17',
};

export function icon(name: keyof typeof ICONS): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** An address of a picture that may be shown, resolved against the API. */
export function picture(src: unknown, api: string): string | null {
  if (typeof src !== 'string' || !src) return null;
  try {
    const url = new URL(src, api);
    return /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A round picture, or the first letter where there is none or it doesn't load. */
export function avatar(src: string | null, name: string, fallback: keyof typeof ICONS | null = null): HTMLElement {
  const letter = fallback ? icon(fallback) : (Array.from(name.trim())[0] ?? '?').toUpperCase();
  const el = h('span', { class: 'avatar', 'aria-hidden': 'true' }, letter);
  if (src) {
    const img = h('img', { alt: '', decoding: 'async', referrerPolicy: 'no-referrer' });
    img.onload = () => el.replaceChildren(img);
    img.src = src;
  }
  return el;
}
