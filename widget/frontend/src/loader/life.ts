/** One life of the widget, up to `destroy`: its configuration, its launcher, its lazily loaded app. */
import type { App, Config, Host, Options, State } from '../host.ts';
import type { Problem } from '../protocol.ts';
import { frame } from './launcher.ts';
import type { Frame } from './launcher.ts';
import { explain, guard, warn } from './say.ts';

const PLACEHOLDER = /^cdp_.{8}_PASTE_YOUR_TOKEN$/;
/** A conversation that was quiet for longer is over (CONTRACT 1): nothing unread can come of it. */
const LIVELY = 864e5;
const COLOR = /^#([\da-f]{3}){1,2}$/i;
const LENGTH = /^\d{1,3}$/;

export type Life = ReturnType<typeof live>;
export type Emit = (name: string, data?: unknown) => void;

/** `base`: the address of v1.js. */
export function live(emit: Emit, base: string, nonce: string | undefined) {
  const stop = new AbortController();
  const { signal } = stop;
  let options = {} as Options;
  let api = '';
  let prefix = '';
  let config: Config | null = null;
  let problem: Problem | null = null;
  let override: unknown;
  let dom: Frame | undefined;
  let loading: Promise<void> | undefined;
  let app: App | undefined;
  let wanted = false;
  /** Resolves once the launcher is there; what is asked for before, even before `init`, waits for it. */
  let begin: (done: Promise<void>) => void;
  const begun = new Promise<void>((done) => (begin = done));
  let state: State = {
    status: 'idle',
    open: false,
    visible: true,
    unread: 0,
    connection: 'none',
    session: null,
    locale: document.documentElement.lang || navigator.language,
  };

  const layers = (): unknown[] => [config?.theme, options.theme, override];
  /** What is kept under this name as the app keeps it, once `value` is if there is one; nothing where storage is blocked. */
  const kept = (name: string, value?: unknown): any => {
    try {
      if (value) localStorage[prefix + name] = `"${value}"`;
      return JSON.parse(localStorage[prefix + name]);
    } catch {
      return '';
    }
  };

  /** The last layer's usable value. Here for the launcher's own few keys; the app checks and names them all. */
  const pick = (path: string, ok: RegExp, otherwise: string): string =>
    layers().reduce<string>((best, layer) => {
      const value = path.split('.').reduce<any>((at, key) => at?.[key], layer);
      return value != null && ok.test(value) ? value : best;
    }, otherwise);

  const paint = (): void => {
    if (!dom) return;
    const { box, launcher, face } = dom;
    const { open, unread } = state;
    const color = pick('launcher.color', COLOR, pick('primaryColor', COLOR, '#2f54d6'));
    const side = pick('position', /^bottom-(left|right)$/, '').slice(7) || 'right';
    box.style.cssText = `position:fixed;bottom:${+pick('offset.y', LENGTH, '0') + 20}px;${side}:${+pick('offset.x', LENGTH, '0') + 20}px;z-index:${pick('zIndex', /^-?\d+$/, '2147483000')};--launch:${color};--on-launch:${readable(color)}`;
    box.hidden = !state.visible;
    // The same name open or closed, as `aria-expanded` says which; and a word that most languages share.
    launcher.setAttribute('aria-label', pick('launcher.label', /./, 'Chat') + (unread ? ` (${unread})` : ''));
    launcher.setAttribute('aria-expanded', '' + open);
    face(open ? 'down' : pick('launcher.icon', /^\w+$|\//, 'chat'), api, unread);
  };

  const set = (patch: Partial<State>): void => {
    state = { ...state, ...patch };
    paint();
  };

  const complain = (found: Partial<Problem>): Problem => {
    const whole = { status: 0, code: 'bad_response', title: '', detail: '', ...found };
    // Nobody is left to tell after `destroy()`.
    if (!signal.aborted) {
      explain(whole);
      const { code, detail } = whole;
      emit('error', { code, detail });
    }
    return whole;
  };

  const read = async (): Promise<void> => {
    const { token, agentId } = options;
    problem = null;
    if (PLACEHOLDER.test(token)) {
      problem = complain({ code: 'token_placeholder', title: token, hint: 'Paste your token (Deploy page: Rotate)' });
    } else {
      try {
        const asked = { agent_id: agentId, page: location.pathname, locale: state.locale, visitor_id: kept('visitor') };
        const answer = await fetch(api + '/v1/public/runtime/config?' + new URLSearchParams(asked), {
          headers: { Authorization: 'Bearer ' + token },
          credentials: 'omit',
          signal,
        });
        const body = await answer.json();
        // An id is given only while a staged rollout runs: what this page shows, the next one shows too.
        if (answer.ok) kept('visitor', (config = body)?.features?.visitor_id);
        else problem = complain({ ...body, status: answer.status });
      } catch (error) {
        problem = complain({ code: 'unreachable', title: '' + error, detail: api, hint: 'Check apiUrl, CSP connect-src' });
      }
    }
    set({ status: problem ? 'refused' : 'ready' });
  };

  /** The chat app, loaded when first needed. An old loader may ask for a file that a release replaced: the manifest names its successor. */
  const load = async (): Promise<void> => {
    await begun;
    if (!dom) return;
    try {
      const at = new URL('../static/widget/', base).href;
      const { start } = await import(at + __APP__).catch(async () => {
        const answer = await fetch(at + 'manifest.json', { cache: 'no-cache' });
        return import(`${at}${(await answer.json()).app}?${Date.now()}`);
      });
      if (!signal.aborted) app = start(host(dom));
    } catch (error) {
      loading = undefined;
      wanted = false;
      // The next click tries again.
      dom.face('chat', api, '!');
      complain({ code: 'app_not_loaded', title: '' + error, hint: 'Check CSP script-src' });
    }
  };

  const withApp = async (act: (app: App) => void): Promise<void> => {
    await (loading ??= load());
    if (app && !signal.aborted) guard('app', () => act(app as App));
  };

  const open = (): void => {
    wanted = true;
    void withApp((it) => wanted && it.open());
  };
  const close = (): void => {
    wanted = false;
    app?.close();
  };
  const toggle = (): void => (wanted ? close() : open());

  const host = (drawn: Frame): Host => ({
    ...drawn,
    options,
    api,
    prefix,
    signal,
    now: () => ({ config, problem, state, layers: layers() }),
    reload: read,
    set,
    emit,
    complain,
  });

  const run = async (): Promise<void> => {
    await read();
    if (!document.body) await new Promise((done) => document.addEventListener('DOMContentLoaded', done, { signal }));
    if (signal.aborted) return;
    dom = frame(options.nonce || nonce);
    dom.launcher.onclick = toggle;
    paint();
    document.body.append(dom.host);
    emit('ready');
    if (options.open) open();
    if (!problem && Date.now() - kept('spoke') < LIVELY) void withApp((it) => it.wake());
  };

  return {
    init(given: Options): void {
      if (api) return warn('init ran twice');
      if (!given?.agentId || !given.token) return warn('init needs agentId, token');
      options = { ...given, ...options, token: '' + given.token };
      api = (given.apiUrl || new URL(base).origin).replace(/\/+$/, '');
      prefix = `convoship:${options.token.slice(0, 12)}:`;
      set({ status: 'loading', locale: given.locale || state.locale });
      begin(run().catch((error) => warn('' + error)));
    },
    open,
    close,
    toggle,
    show: () => set({ visible: true }),
    hide: () => set({ visible: false }),
    sendMessage: (text: unknown) => void withApp((it) => it.send(text)),
    identify(user: Options['user'], userToken?: Options['userToken']): void {
      options.user = user;
      options.userToken = userToken;
      app?.identify();
      emit('identify', user);
    },
    logout(): void {
      options.user = options.userToken = undefined;
      void withApp((it) => it.reset(true));
    },
    reset: () => void withApp((it) => it.reset()),
    setTheme(theme: unknown): void {
      override = theme;
      paint();
      app?.refresh();
    },
    setLocale(locale: string): void {
      set({ locale });
      app?.refresh();
    },
    destroy(): void {
      stop.abort();
      app?.destroy();
      dom?.host.remove();
    },
    state: () => state,
  };
}

/** Black or white, whichever reads better on `hex` (WCAG 2, with a plain power for the sRGB curve: it is an icon). */
function readable(hex: string): string {
  const full = hex.length < 5 ? hex.replace(/\w/g, '$&$&') : hex;
  const part = (at: number): number => (parseInt(full.slice(at, at + 2), 16) / 255) ** 2.2;
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5) > 0.18 ? '#000' : '#fff';
}
