/** Storage under one prefix per deployment; memory where the browser refuses, so that a chat works all the same. */

export interface Store {
  get<T>(key: string): T | null;
  set(key: string, value: unknown): void;
  drop(key: string): void;
  keys(): string[];
}

export function openStore(prefix: string, local: () => Storage): Store {
  const memory = new Map<string, string>();
  // Every access may throw: blocked, over quota, or in a sandboxed frame.
  const attempt = <T>(act: (storage: Storage) => T): T | null => {
    try {
      return act(local());
    } catch {
      return null;
    }
  };
  return {
    get<T>(key: string): T | null {
      const raw = memory.get(key) ?? attempt((s) => s.getItem(prefix + key));
      try {
        return raw ? (JSON.parse(raw) as T) : null;
      } catch {
        return null;
      }
    },
    set(key, value) {
      const raw = JSON.stringify(value);
      if (attempt((s) => (s.setItem(prefix + key, raw), true))) memory.delete(key);
      else memory.set(key, raw);
    },
    drop(key) {
      memory.delete(key);
      attempt((s) => s.removeItem(prefix + key));
    },
    keys() {
      const kept = attempt((s) => Object.keys(s).filter((k) => k.startsWith(prefix))) ?? [];
      return [...new Set([...memory.keys(), ...kept.map((k) => k.slice(prefix.length))])];
    },
  };
}
