/** The chat: what happens when a visitor or the host page does something, and what is then to be seen. */
import type { App, Host } from '../host.ts';
import type { FileScript } from '../files/index.ts';
import type { Button, Problem, Session } from '../protocol.ts';
import { createPanel } from '../ui/panel.ts';
import type { Acts, View } from '../ui/view.ts';
import { Conversation } from './conversation.ts';
import { caller } from './http.ts';
import type { LinkState } from './link.ts';
import { Outbox, room } from './outbox.ts';
import type { Words } from './outbox.ts';
import { proofOf, sessions, uuid } from './session.ts';
import type { Kept } from './session.ts';
import { openStore } from './store.ts';
import { keyOf, speaker, spoken } from './texts.ts';
import type { Say, TextKey } from './texts.ts';
import { merge, translated } from './theme.ts';
import type { Theme } from './theme.ts';
import { troubles } from './trouble.ts';
import { createUnread } from './unread.ts';

/** Seconds, up to twice as many, until a paused chat looks whether it goes on: while it is looked at, and while it isn't. */
const PAUSED = 15;
const PAUSED_UNSEEN = 300;
/** Milliseconds between two looks that the visitor causes by coming back. */
const RETURNED = 3000;

export function createChat(host: Host): App {
  const { options, signal } = host;
  const call = caller(host.api, signal);
  const store = openStore(host.prefix, () => localStorage);
  const session = sessions(host, call, store);
  let theme: Theme;
  let say: Say;
  let locale = '';
  /** Counts changes of theme and language: whatever carries it is drawn anew. */
  let look = 0;
  let conversation: Conversation | null = null;
  let link: LinkState = 'connecting';
  let starting = false;
  // Kept as what it is, not in words: theme and language may change while it is shown.
  let trouble: { problem: Problem; wait: number } | null = null;
  let ended: TextKey | null = null;
  let control: Session['control'] = 'assistant';
  let note: TextKey | '' = '';
  let back = 0;
  let retry = 0;
  let asked = 0;
  let frame = 0;
  let tick = 0;
  let files: Promise<unknown> | undefined;
  const unread = createUnread(host, store);

  const outbox = new Outbox(store, {
    send: (item) => conversation?.send(item) ?? null,
    changed: () => draw(),
    sent: ({ client_id, text }) => host.emit('message:sent', { client_id, text }),
    failed: (item) => host.emit('message:failed', { client_id: item.client_id, text: item.text, code: item.code }),
    later: (ms) => {
      clearTimeout(tick);
      // Once a second, because the visitor sees how long it still takes.
      tick = window.setTimeout(() => outbox.flush(), Math.min(ms, 1000));
    },
    now: Date.now,
    id: uuid,
  });

  const acts: Acts = {
    send: (text) => speak({ text }),
    tap: ({ label, payload }: Button) => speak({ text: label, payload }),
    typing: (on) => conversation?.tellTyping(on),
    draft: (text) => (text ? store.set('draft', text) : store.drop('draft')),
    again: (item) => outbox.again(item),
    discard: (item) => outbox.discard(item),
    handoff: () => void act('handoff'),
    end: () => void act('end'),
    stop: () => void act('stop'),
    restart,
    // The launcher keeps what is wanted; one way to close keeps both in step.
    close: () => host.launcher.click(),
  };
  const panel = createPanel(host, acts);
  panel.composer.put(store.get<string>('draft') ?? '');

  const isOpen = (): boolean => !panel.el.hidden;
  const isSeen = (): boolean => isOpen() && document.visibilityState === 'visible';

  // ---- what is to be seen

  function view(): View {
    const { config } = host.now();
    const assistant = config?.assistant?.name || say('assistant');
    const banner: View['banner'] =
      conversation?.active && link !== 'online' && link !== 'connecting'
        ? { kind: link === 'offline' ? 'info' : 'bad', text: say(link === 'offline' ? 'offline' : 'reconnecting') }
        : back
          ? { kind: 'good', text: say('back') }
          : null;
    return {
      say,
      theme,
      assistant,
      banner,
      trouble: trouble && shown(trouble.problem, trouble.wait),
      ended: ended && say(ended),
      locale,
      look,
      api: host.api,
      title: theme['header.title'] || config?.assistant?.name || say('title'),
      subtitle: theme['header.subtitle'] ?? (trouble ? '' : say('subtitle')),
      loading: !conversation && ended === null,
      messages: conversation?.sync.messages ?? [],
      unsent: outbox.items,
      seen: conversation?.session.read_seq ?? 0,
      typing: conversation?.active && link === 'online' ? conversation.typing : null,
      status: conversation?.active ? (control === 'waiting' ? say(keyOf('waiting_' + conversation.session.waits_for, 'waiting')) : note && say(note)) : '',
      canHandoff: !!config?.features?.['handoff'] && control === 'assistant',
      active: !!conversation?.active,
      writing: !!conversation?.writing,
      stream: options.stream !== false,
    };
  }

  /** At most once a frame, however many changes come. */
  function draw(): void {
    if (signal.aborted) return;
    const { features } = host.now().config ?? {};
    if (conversation) unread.notice(conversation, isSeen());
    // What sends and shows files is a script of its own, for those who need it. Where it fails, a later drawing asks again,
    // under another name: browsers remember that a module did not come. Each five seconds have a name.
    if (features?.['files'] || conversation?.sync.messages.some((m) => m.attachments?.length))
      files ??= import(`${features?.['file_script']}#${Math.floor(Date.now() / 5000)}`).then(({ start }: FileScript) => {
        acts.files = start(host, panel, session.kept, speak, view, acts);
        refresh();
      }, (problem) => (files = void host.complain(problem)));
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (isOpen()) panel.update(view());
    });
    // A tab in the background gets no frames; nothing is to be seen there either.
  }

  // ---- beginning, and what can go wrong with it

  const shown = troubles(() => say, () => retryNow());

  /** `again`: nobody asked for it, so what is shown stays, and nothing is told twice. */
  async function begin(again = false): Promise<void> {
    if (starting || conversation || signal.aborted) return;
    clearTimeout(retry);
    asked = Date.now();
    starting = true;
    const looks = trouble;
    const refused = (problem: Problem, wait: number): void => fail(again ? problem : host.complain(problem), wait, again);
    if (!again) trouble = null;
    draw();
    try {
      // What passes by itself is looked up again; anything else stays as it was said.
      const { problem } = host.now();
      const passes = /^un(reachable|available)$/.test(problem?.code ?? '');
      if (problem && !passes) return fail(problem, 0);
      if (looks) {
        // Asked first, for it counts as no new conversation: a pause must not use up the visitor's limit.
        const found = await call('GET', `/config?agent_id=${options.agentId}`, options.token);
        if (signal.aborted) return;
        if (found.problem) return refused(found.problem, found.wait);
      }
      const { reply, kept } = await session.begin();
      if (signal.aborted) return;
      const { body } = reply;
      if (body && kept) {
        if (passes) {
          await host.reload();
          if (signal.aborted) return;
          refresh();
        }
        trouble = null;
        take(kept, body.session, (it) => it.sync.start({ ...body, rev: body.session.rev }), reply.status !== 200);
      } else if (reply.problem) refused(reply.problem, reply.wait);
    } catch (error) {
      // Nothing here should throw; what does all the same is shown and said, never lost.
      fail(host.complain({ code: 'internal', title: String(error) }), 0);
    } finally {
      starting = false;
    }
  }

  function fail(problem: Problem, after: number, again = false): void {
    const { reason, code } = trouble?.problem ?? {};
    if (again && trouble && reason === 'paused' && (!problem.status || problem.status === 429 || problem.status >= 500)) {
      // A look that got no good answer doesn't end the looks.
      problem = trouble.problem;
      after = 0;
    } else if (again && problem.code !== code) host.complain(problem);
    trouble = { problem, wait: after };
    const wait = problem.reason !== 'paused' ? after || (problem.status === 503 ? 5 : 0) : (isSeen() ? PAUSED : PAUSED_UNSEEN) * (1 + Math.random());
    // A chat that nobody looks at and that holds no conversation has nothing to wait for: opening it asks.
    if (wait) retry = window.setTimeout(() => (isOpen() || session.kept()) && void begin(true), wait * 1000);
    draw();
  }

  /** The visitor or the network is back: what may be over by now is looked up at once. */
  function returned(): void {
    draw();
    const { reason, code } = trouble?.problem ?? {};
    if ((reason !== 'paused' && code !== 'unreachable') || !isSeen()) return;
    clearTimeout(retry);
    retry = window.setTimeout(() => void begin(true), asked + RETURNED - Date.now());
  }

  function retryNow(): void {
    conversation?.close();
    conversation = null;
    void begin();
  }

  function take(kept: Kept, first: Session, fill: (it: Conversation) => void, fresh: boolean): void {
    const it: Conversation = (conversation = new Conversation(host, call, kept, first, outbox, {
      changed: draw,
      link: (state) => linked(state),
      session: (now) => conversation === it && status(now),
      refused: (problem) => conversation === it && lost(problem),
    }));
    ended = null;
    note = '';
    control = first.control;
    fill(it);
    unread.begin(it);
    const orphans = outbox.restore(first.conversation_id);
    if (orphans.length && !panel.composer.text()) panel.composer.put(orphans.join('\n\n'));
    it.connect();
    status(first);
    if (fresh) host.emit('session:start', host.now().state.session);
    outbox.flush();
  }

  function lost(problem: Problem): void {
    conversation?.close();
    conversation = null;
    host.set({ session: null, connection: 'none' });
    // The session alone is gone (expired, or on another server): the visitor may begin again at once.
    if (/^token_(unknown|expired|malformed)$|^not_found$/.test(problem.code)) {
      session.forget();
      ended = 'ended';
      return draw();
    }
    fail(host.complain(problem), 0);
  }

  // ---- while it goes on

  function linked(state: LinkState): void {
    const was = link;
    link = state;
    host.set({ connection: state });
    if (state === 'online') {
      if (was === 'reconnecting' || was === 'offline') {
        clearTimeout(back);
        back = window.setTimeout(() => {
          back = 0;
          draw();
        }, 2500);
      }
      for (const item of outbox.items) if (item.state === 'failed' && item.code === 'unreachable') outbox.again(item);
      outbox.flush();
    }
    draw();
  }

  function status(now: Session): void {
    const before = control;
    control = now.control;
    host.set({ session: { id: now.id, conversationId: now.conversation_id, status: now.status, control } });
    if (control !== before) {
      note = control === 'human' ? 'withPerson' : 'withAssistant';
      host.emit('handoff', control);
    }
    if (now.status !== 'active' && ended === null) {
      ended = now.status === 'failed' ? 'endedByServer' : 'ended';
      host.set({ connection: 'none' });
      host.emit('session:end', host.now().state.session);
    }
    draw();
  }

  async function act(name: 'handoff' | 'end' | 'stop'): Promise<void> {
    const problem = await conversation?.act(name);
    if (!problem || signal.aborted) return;
    host.complain(problem);
    note = 'problem';
    draw();
  }

  function speak(message: Words): void {
    note = '';
    store.set('spoke', Date.now());
    outbox.add(conversation?.session.conversation_id ?? '', message);
    panel.list.toEnd();
  }

  function restart(): void {
    if (conversation?.active) void conversation.act('end');
    reset(false);
    if (isOpen()) void begin();
    panel.composer.focus();
  }

  function reset(forget: boolean): void {
    clearTimeout(retry);
    const unsent = outbox.items.filter((item) => item.state === 'failed' && item.payload === undefined).map((item) => item.text ?? '');
    if (conversation?.writing) void conversation.act('stop');
    conversation?.close();
    conversation = null;
    starting = false;
    trouble = ended = null;
    note = '';
    session.forget();
    outbox.clear();
    // What the ended conversation refused is not lost: it waits in the composer.
    if (!forget && unsent.length) panel.composer.put([panel.composer.text(), ...unsent].filter(Boolean).join('\n\n'));
    if (forget) {
      panel.composer.put('');
      for (const key of store.keys()) store.drop(key);
    }
    host.set({ session: null, connection: 'none' });
    unread.show(0);
    // At once and also while closed: what was said must not stay on a page that the next person uses.
    panel.update(view());
  }

  // ---- other tabs, the page's life

  window.addEventListener(
    'storage',
    ({ key }) => {
      if (key !== host.prefix + 'session' || (!conversation && ended === null)) return;
      const other = session.kept();
      if (other && other.conversation === conversation?.session.conversation_id) return;
      conversation?.close();
      conversation = null;
      ended = other ? null : 'elsewhere';
      host.set({ session: null, connection: 'none' });
      unread.show(0);
      if (other && isOpen()) void begin();
      draw();
    },
    { signal },
  );
  document.addEventListener('visibilitychange', returned, { signal });
  window.addEventListener('focus', returned, { signal });
  window.addEventListener('online', () => (trouble ? void begin() : outbox.flush()), { signal });
  window.addEventListener('offline', draw, { signal });

  function refresh(): void {
    const { config, layers, state } = host.now();
    const { theme: merged, bad } = merge(layers);
    locale = spoken(config?.features?.['languages'], state.locale);
    theme = translated(merged, locale);
    look++;
    if (bad.length) console.warn(`[Convoship] Theme keys unknown or of no use here: ${bad.join(', ')}`);
    say = speaker(locale, [config?.texts, theme.customTexts]);
    draw();
  }
  refresh();

  return {
    open(): void {
      if (isOpen()) return;
      if (!conversation && ended === null) void begin();
      panel.update(view());
      panel.show();
      host.set({ open: true });
      host.emit('open');
      draw();
    },
    close(): void {
      if (!isOpen()) return;
      panel.hide();
      host.set({ open: false });
      host.emit('close');
    },
    wake(): void {
      const kept = session.kept();
      if (!kept || conversation) return;
      const first: Session = { id: kept.id, conversation_id: kept.conversation, status: 'active', control: 'assistant', head_seq: 0, rev: 0, created_at: '' };
      // From nothing: the welcome brings it all, and nothing is begun that a visitor hasn't asked for.
      take(kept, first, () => {}, false);
    },
    send(text: unknown): void {
      if (typeof text !== 'string' || !text.trim()) return console.warn('[Convoship] sendMessage needs a text.');
      const left = room(text);
      if (left.points < 0 || left.bytes < 0) {
        host.emit('message:failed', { text, code: 'payload_too_large' });
        return console.warn('[Convoship] sendMessage: over 8,000 characters or 32 KiB.');
      }
      void begin();
      speak({ text: text.trim() });
    },
    identify(): void {
      const kept = session.kept();
      if (!kept || !conversation || !host.now().config?.features?.['identify']) return;
      void (async () => {
        const proof = await proofOf(host);
        const { problem } = await call('POST', `/sessions/${kept.id}/identify`, kept.token, { body: { user: options.user, ...(proof ? { user_token: proof } : {}) } });
        if (problem) host.complain(problem);
      })();
    },
    reset(forget = false): void {
      reset(forget);
      if (isOpen()) void begin();
    },
    refresh,
    destroy(): void {
      conversation?.close();
      conversation = null;
      cancelAnimationFrame(frame);
      for (const timer of [retry, back, tick]) clearTimeout(timer);
      panel.remove();
    },
  };
}
