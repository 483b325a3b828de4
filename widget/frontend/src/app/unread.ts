/** What the visitor has read, what not, and which messages are news for the host page. */
import type { Host } from '../host.ts';
import type { Conversation } from './conversation.ts';
import type { Store } from './store.ts';

export function createUnread(host: Host, store: Store) {
  const announced = new Set<string>();
  /** What lies at or before it is history, not news. */
  let baseline = 0;

  const readTo = ({ session }: Conversation): number => {
    const mark = store.get<{ c: string; seq: number }>('read');
    return mark?.c === session.conversation_id ? mark.seq : 0;
  };

  const show = (unread: number): void => {
    if (unread === host.now().state.unread) return;
    host.set({ unread });
    host.emit('unread', unread);
  };

  return {
    show,
    /** A conversation was taken up: what it has already is not news. */
    begin(conversation: Conversation): void {
      announced.clear();
      baseline = Math.max(conversation.sync.seq, readTo(conversation));
    },
    /** `seen`: the conversation is before the visitor's eyes. */
    notice(conversation: Conversation, seen: boolean): void {
      const { theirs, sync, session } = conversation;
      const known = readTo(conversation);
      if (seen) {
        if (sync.seq > known) store.set('read', { c: session.conversation_id, seq: sync.seq });
        conversation.tellRead(sync.seq);
      }
      const whole = theirs.filter((message) => message.status !== 'streaming');
      for (const message of whole) {
        if (announced.has(message.id)) continue;
        announced.add(message.id);
        if (message.seq > baseline) host.emit('message:received', message);
      }
      show(seen ? 0 : whole.filter((message) => message.seq > known).length);
    },
  };
}
