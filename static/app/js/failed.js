// A button whose request came to nothing says so: htmx shows no answer that is an error, and nothing where none came.

const WORDS = {
  403: "You may not do that any more. Load the page again to see what you may.",
  404: "That is not there any more. Load the page again to see what is.",
  429: "That was asked for very often. Wait a minute, and try again.",
};
const AWAY = "Convoship could not be reached, so it isn't known whether that was done. Look, and try again.";
const FAULT = "The server could not do that. Try again; if it goes on, tell whoever runs Convoship.";

let shown = null;

function hide() {
  shown?.remove();
  shown = null;
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button small";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

function show(words) {
  hide();
  shown = document.createElement("div");
  shown.className = "notice bad failed";
  shown.setAttribute("role", "alert");
  const said = document.createElement("p");
  said.textContent = words;
  const actions = document.createElement("div");
  actions.className = "actions";
  actions.append(button("Load the page again", () => location.reload()), button("Close", hide));
  shown.append(said, actions);
  document.body.append(shown);
}

// What a page fetches by itself it fetches again by itself; and the composer says what became of its own.
function isOwn({ requestConfig, elt }) {
  return requestConfig.verb === "get" || elt.closest("[data-reply]");
}

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (!isOwn(detail)) hide();
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (!isOwn(detail)) show(WORDS[detail.xhr.status] ?? FAULT);
});
for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, ({ detail }) => {
    if (!isOwn(detail)) show(AWAY);
  });
}
