// Inside the preview's frame: starts the chat by its preview token, and shows what the page around it says. A message
// counts only if that page, of this very origin, sent it.

const { agent, token, api } = document.querySelector("[data-preview]").dataset;
const isFramed = parent !== window;
const queue = (window.ConvoshipQueue = window.ConvoshipQueue || []);

try {
  // Each load has a preview token of its own, and the chat keeps what it stores by token: older ones' things go.
  const own = `convoship:${token.slice(0, 12)}:`;
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith("convoship:cpt_") && !key.startsWith(own)) localStorage.removeItem(key);
  }
} catch {
  // Storage is closed: then nothing was kept.
}

function tell(message) {
  if (isFramed) parent.postMessage({ convoship: "preview", ...message }, location.origin);
}

let first;
const told = new Promise((done) => (first = done));

// The theme of the page around takes the place of the saved one, from the first paint on: laid over it, what is not set
// any more would still show.
if (isFramed) {
  const fetchAsIs = window.fetch;
  window.fetch = async (address, ...more) => {
    const answer = await fetchAsIs(address, ...more);
    if (!answer.ok || !String(address).includes("/v1/public/runtime/config?")) return answer;
    const [body] = await Promise.all([answer.json(), told]);
    return new Response(JSON.stringify({ ...body, theme: {} }), { headers: { "Content-Type": "application/json" } });
  };
}

addEventListener("message", ({ source, origin, data }) => {
  if (source !== parent || origin !== location.origin || data?.convoship !== "appearance") return;
  if (data.hello) return tell({ ready: true });
  if (data.scheme) document.documentElement.dataset.theme = data.scheme;
  if (data.locale) queue.push(["setLocale", data.locale]);
  if ("open" in data) queue.push([data.open ? "open" : "close"]);
  if (data.theme) {
    queue.push(["setTheme", data.theme]);
    first();
  }
});

queue.push(["on", "open", () => tell({ open: true })]);
queue.push(["on", "close", () => tell({ open: false })]);
queue.push(["on", "error", ({ code }) => tell({ trouble: code })]);
queue.push(["init", { agentId: agent, token, channel: "web", apiUrl: api, locale: document.documentElement.lang }]);
tell({ ready: true });
