/** Server-sent events read by fetch, because an EventSource can't carry a token in a header. */

/** Calls `each` with every event's name and data until the stream ends. */
export async function readEvents(body: ReadableStream<Uint8Array>, each: (name: string, data: string) => void): Promise<void> {
  const reader = body.getReader();
  const text = new TextDecoder();
  let rest = '';
  let name = '';
  let data: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += text.decode(value, { stream: true });
    const lines = rest.split(/\r\n|\r|\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line) {
        if (data.length) each(name, data.join('\n'));
        name = '';
        data = [];
      } else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
      else if (line.startsWith('event:')) name = line.slice(6).trim();
    }
  }
}
