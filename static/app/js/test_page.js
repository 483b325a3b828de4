// Starts the chat of the test page. Each visit has a preview token of its own, and the widget keeps what it stores by
// token: what earlier visits left is taken away.

const { agent, token, api } = document.querySelector("[data-test-chat]").dataset;

try {
  const own = `convoship:${token.slice(0, 12)}:`;
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith("convoship:cpt_") && !key.startsWith(own)) localStorage.removeItem(key);
  }
} catch {
  // Storage is closed: then nothing was kept.
}

window.ConvoshipQueue = window.ConvoshipQueue || [];
window.ConvoshipQueue.push(["init", { agentId: agent, token, channel: "web", apiUrl: api }]);
