// What is typed in the composer of a conversation and not sent yet is there again when its page is: after a button that
// loads the page anew, a reload, a look at the list. In this tab alone, for this member, and until they sign out.
//
// It comes back with what it was written under: the last message that was seen, so that an answer of another since then
// is still asked about; and the id it was sent under, if the page was left before the server said anything, so that the
// same again is posted once (composer.js).

const form = document.querySelector("[data-reply]");
const { text, kind, client_id: clientId, head_seq: headSeq } = form.elements;
const member = document.querySelector("[data-notify]").dataset.notify;
const KEY = `convoship:draft:${member}:${document.getElementById("live").dataset.liveConversation}`;
let isSignedOut = false;

function keep() {
  const draft = { kind: kind.value, text: text.value, seen: headSeq.value, id: clientId.value, tried: form.dataset.tried };
  try {
    if (text.value.trim() && !isSignedOut) sessionStorage.setItem(KEY, JSON.stringify(draft));
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
    const radio = form.querySelector(`[name="kind"][value="${draft.kind === "note" ? "note" : "reply"}"]`);
    if (!radio.disabled) radio.checked = true;
    if (draft.seen) headSeq.value = draft.seen;
    if (draft.tried !== undefined) {
      form.dataset.tried = draft.tried;
      clientId.value = draft.id;
    }
  }
}

form.addEventListener("input", keep);
// After the composer has taken away what was sent.
document.addEventListener("replied", () => setTimeout(keep));
document.addEventListener("signed-out", () => {
  isSignedOut = true;
  keep();
});
addEventListener("pagehide", keep);
