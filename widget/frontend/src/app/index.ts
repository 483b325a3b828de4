/** The chat app's one entrance; the loader calls it when the chat is first needed. */
import type { App, Host } from '../host.ts';
import { createChat } from './chat.ts';

export const start = (host: Host): App => createChat(host);
