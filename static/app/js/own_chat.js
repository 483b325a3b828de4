// Starts the chat on a page of ours: a test page, or where a mail's link continues a conversation. Each visit has a
// token of its own, and the widget keeps what it stores by token: what earlier visits left is taken away.

const { agent, token, api, locale, open } = document.querySelector("[data-own-chat]").dataset;

try {
  const own = `convoship:${token.slice(0, 12)}:`;
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith("convoship:cpt_") && !key.startsWith(own)) localStorage.removeItem(key);
  }
} catch {
  // Storage is closed: then nothing was kept.
}

const options = { agentId: agent, token, channel: "web", apiUrl: api };
if (locale) options.locale = locale;
if (open) options.open = true;
window.ConvoshipQueue = window.ConvoshipQueue || [];
window.ConvoshipQueue.push(["init", options]);
