/** The shadow root and the round button in it. Drawn once the theme is known, so that no other colour is ever seen first. */
import css from './launcher.css';

/** 24 x 24, stroked. */
const ICONS: Record<string, string> = {
  chat: 'M21 11.5A8.4 8.4 0 0 1 8.7 19L3 21l2-5.6A8.4 8.4 0 1 1 21 11.5Z',
  help: 'M9 9a3 3 0 1 1 5 2c-1 1-2 1-2 3m0 4h0',
  down: 'M6 9l6 6 6-6',
};

export function icon(path: string): SVGSVGElement {
  const make = <T extends SVGElement>(tag: string, key: string, value: string): T => {
    const el = document.createElementNS('http://www.w3.org/2000/svg', tag) as T;
    el.setAttribute(key, value);
    return el;
  };
  const svg = make<SVGSVGElement>('svg', 'viewBox', '0 0 24 24');
  svg.append(make('path', 'd', path));
  return svg;
}

export type Frame = ReturnType<typeof frame>;

export function frame(nonce: string | undefined) {
  const make = <K extends keyof HTMLElementTagNameMap>(tag: K, name = ''): HTMLElementTagNameMap[K] => {
    const el = document.createElement(tag);
    el.className = name;
    return el;
  };
  const host = document.createElement('convoship-widget');
  const root = host.attachShadow({ mode: 'open' });
  const box = make('div');
  const launcher = make('button', 'launcher');
  const badge = make('span', 'badge');
  let face = '';
  root.append(box);
  box.append(launcher);
  const style = (text: string): void => {
    try {
      // Sheets built by script are outside `style-src`: the strictest policy lets them through.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(text);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    } catch {
      const tag = make('style');
      if (nonce) tag.nonce = nonce;
      tag.textContent = text;
      root.prepend(tag);
    }
  };
  style(css);
  return {
    host,
    root,
    box,
    launcher,
    style,
    /** `name`: one of ours, or the address of an image. */
    face(name: string, api: string, mark: number | string): void {
      badge.textContent = +mark > 9 ? '9+' : '' + mark;
      badge.hidden = !mark;
      if (name === face) return;
      face = name;
      const path = ICONS[name];
      const own = icon(path || ICONS['chat'] || '');
      launcher.replaceChildren(own, badge);
      if (!path) {
        const img = make('img');
        img.alt = '';
        // Shown only once it is here: a blocked or missing picture leaves ours.
        img.onload = () => own.replaceWith(img);
        img.src = new URL(name, api).href;
      }
    },
  };
}
