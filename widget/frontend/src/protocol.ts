/** The shapes of the public runtime API: what the server says and what we say to it. */

export interface Author {
  kind: 'visitor' | 'assistant' | 'agent' | 'system';
  name?: string;
  avatar_url?: string;
}

export interface Button {
  label: string;
  payload?: unknown;
  url?: string;
}

export interface Card {
  title: string;
  text?: string;
  image_url?: string;
  buttons?: Button[];
}

export type Block =
  | { type: 'buttons'; buttons: Button[] }
  | ({ type: 'card' } & Card)
  | { type: 'carousel'; cards: Card[] }
  | { type: 'list'; items: { title: string; text?: string; url?: string }[] };

export interface Attachment {
  id: string;
  name: string;
  size: number;
  content_type: string;
  url: string;
  /** Its content was deleted since; there is no address then. */
  deleted?: boolean;
}

export interface Message {
  id: string;
  seq: number;
  rev: number;
  author: Author;
  text: string;
  blocks?: Block[];
  attachments?: Attachment[];
  client_id?: string;
  status: string;
  reason?: string;
  created_at: string;
}

export interface Session {
  id: string;
  conversation_id: string;
  status: 'active' | 'completed' | 'failed' | 'abandoned';
  control: 'assistant' | 'waiting' | 'human';
  /** While `control` is `waiting`: what for. */
  waits_for?: 'form' | 'people' | 'person' | null;
  head_seq: number;
  rev: number;
  /** The last message that the person who answers has read. */
  read_seq?: number;
  created_at: string;
}

export interface Page {
  messages: Message[];
  head_seq: number;
  rev: number;
  has_more: boolean;
}

export interface Started {
  session: Session;
  session_token: string;
  expires_at: string;
  socket_url: string;
  messages: Message[];
  has_more: boolean;
}

export interface Sent {
  message: Message;
  replies: Message[];
  head_seq: number;
  rev: number;
  pending: boolean;
}

export type ServerFrame =
  | { type: 'welcome'; session: Session; messages: Message[]; rev: number; has_more: boolean }
  | { type: 'message.created' | 'message.updated'; message: Message }
  | { type: 'token'; message_id: string; index: number; text: string }
  | { type: 'typing'; author: Author; on: boolean }
  | { type: 'session.updated'; session: Session }
  | { type: 'read'; seq: number }
  | { type: 'head'; seq: number; rev: number }
  | { type: 'error'; code: string; detail: string; client_id?: string; retry_after?: number }
  | { type: 'pong' }
  | { type: 'gap'; head_seq: number };

export interface Outgoing {
  client_id: string;
  text?: string | undefined;
  payload?: unknown;
  /** Ids of files that are up already. */
  attachments?: string[] | undefined;
}

export type ClientFrame =
  | { type: 'hello'; token: string; after: number; rev: number; page?: { url: string; title: string } }
  | ({ type: 'message.send' } & Outgoing)
  | { type: 'typing'; on: boolean }
  | { type: 'read'; seq: number }
  | { type: 'ping' };

/** RFC 9457, as the server sends it; `status` 0 means that no answer came at all. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  hint?: string;
  type?: string;
  /** Of a 503: `paused`, by the owner. */
  reason?: string;
}
