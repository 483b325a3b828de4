// What is typed in the composer of a conversation and not sent yet is there again when its page is: after a button that
// loads the page anew, a reload, a look at the list. In this tab alone, and for this member.

const form = document.querySelector("[data-reply]");
const { text } = form.elements;
const member = document.querySelector("[data-notify]").dataset.notify;
const KEY = `convoship:draft:${member}:${document.getElementById("live").dataset.liveConversation}`;

function keep() {
  try {
    if (text.value.trim()) sessionStorage.setItem(KEY, JSON.stringify({ kind: form.elements.kind.value, text: text.value }));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Then it is there for as long as the page is.
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

// What the server brings back, because it could not be sent, is newer.
if (!text.value) {
  const draft = kept();
  if (draft.text) {
    text.value = draft.text;
    const kind = form.querySelector(`[name="kind"][value="${draft.kind === "note" ? "note" : "reply"}"]`);
    if (!kind.disabled) kind.checked = true;
  }
}

form.addEventListener("input", keep);
// After the composer has taken away what was sent.
document.addEventListener("replied", () => setTimeout(keep));
addEventListener("pagehide", keep);
