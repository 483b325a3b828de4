/** The visitor's session: begun once, whatever fails on the way and however many tabs are open; kept in storage. */
import type { Host } from '../host.ts';
import type { Started } from '../protocol.ts';
import type { Call, Reply } from './http.ts';
import type { Store } from './store.ts';

export interface Kept {
  id: string;
  token: string;
  conversation: string;
  socket: string;
}

export const uuid = (): string =>
  // `randomUUID` is missing on plain http pages; the address of a blob ends in one everywhere.
  crypto.randomUUID?.() ?? URL.createObjectURL(new Blob()).slice(-36);

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** The host page's proof of who its user is. What the page's own function throws is its owner's to read. */
export async function proofOf({ options, complain }: Host): Promise<string | undefined> {
  const { userToken } = options;
  try {
    return typeof userToken === 'function' ? await userToken() : userToken;
  } catch (error) {
    complain({ code: 'identity_required', title: 'userToken() failed', detail: String(error) });
    return undefined;
  }
}

export interface Begun {
  reply: Reply<Started>;
  kept: Kept | null;
}

export const pageNow = () => ({ url: location.href.slice(0, 2000), title: Array.from(document.title).slice(0, 300).join(''), referrer: document.referrer.slice(0, 2000) });

export function sessions(host: Host, call: Call, store: Store) {
  const { options } = host;
  /** A start whose answer never came: repeated as it was, so that the server sees one start. */
  let open: { body: Record<string, unknown>; at: number } | null = null;

  const body = async (): Promise<Record<string, unknown>> => {
    let visitor = store.get<string>('visitor');
    if (!visitor) store.set('visitor', (visitor = uuid()));
    const { user } = options;
    const proof = await proofOf(host);
    const resume = store.get<Kept>('session')?.token;
    return {
      agent_id: options.agentId,
      channel: 'web',
      client_id: uuid(),
      visitor_id: visitor,
      ...(resume ? { resume } : {}),
      ...(user ? { user } : {}),
      ...(proof ? { user_token: proof } : {}),
      locale: host.now().state.locale,
      page: pageNow(),
    };
  };

  const ask = async (): Promise<Begun> => {
    const known = store.get<Kept>('session')?.token;
    // The server replays a start for ten minutes; another tab's session makes ours needless.
    if (!open || Date.now() - open.at > 9 * 60_000 || open.body['resume'] !== known) {
      open = { body: await body(), at: Date.now() };
    }
    const reply = await call<Started>('POST', '/sessions', options.token, { body: open.body });
    // No answer, or one that says "later": the same start may be asked for again.
    if (reply.status !== 0 && reply.status !== 429 && reply.status < 500) open = null;
    if (!reply.body) return { reply, kept: null };
    const { session, session_token, socket_url } = reply.body;
    const kept: Kept = {
      id: session.id,
      token: session_token || known || '',
      conversation: session.conversation_id,
      socket: socket_url,
    };
    if (!host.signal.aborted) store.set('session', kept);
    return { reply, kept };
  };

  return {
    /** One tab at a time: the second then finds the first one's session and resumes it. */
    async begin(): Promise<Begun> {
      const name = host.prefix + 'begin';
      let asked: Promise<Begun> | undefined;
      try {
        if (navigator.locks) return await (navigator.locks.request(name, () => (asked = ask())) as Promise<Begun>);
      } catch {
        // A sandboxed frame may not lock.
        if (asked) return asked;
      }
      // Plain http pages have no locks: a mark in storage does nearly as well.
      const me = uuid();
      for (let i = 0; i < 20; i++) {
        const holder = store.get<{ me: string; at: number }>('begin');
        if (holder?.me === me) break;
        if (!holder || Date.now() - holder.at > 8000) store.set('begin', { me, at: Date.now() });
        await pause(50 + 100 * i);
      }
      try {
        return await ask();
      } finally {
        store.drop('begin');
      }
    },
    kept: (): Kept | null => store.get<Kept>('session'),
    forget(): void {
      open = null;
      for (const key of ['session', 'spoke', 'read']) store.drop(key);
    },
  };
}
