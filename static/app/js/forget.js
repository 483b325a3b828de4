// Drafts of answers (draft.js) go when their member signs out, in this tab or another, and where another has signed in.

const PREFIX = "convoship:draft:";
const me = document.querySelector("[data-sign-out]")?.dataset.signOut;
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("convoship:signed-out") : null;

function forget(kept = "") {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(PREFIX) && !(kept && key.startsWith(kept))) sessionStorage.removeItem(key);
    }
  } catch {
    // Then none was kept.
  }
}

function over() {
  document.dispatchEvent(new CustomEvent("signed-out"));
  forget();
}

if (me) forget(`${PREFIX}${me}:`);
document.addEventListener("submit", ({ target }) => {
  if (!target.matches("[data-sign-out]")) return;
  over();
  tabs?.postMessage("");
});
tabs?.addEventListener("message", over);
