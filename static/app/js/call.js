// A call's page: how long the call has lasted, second by second; a recording that plays on, and a telephone's number that
// stays as it was written, with what is wrong with it, while the page follows what happens.

const words = (seconds) => {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  const two = (value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
};

function tick() {
  for (const shown of document.querySelectorAll("[data-call-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(shown.dataset.callSince)) / 1000));
    shown.textContent = words(seconds);
  }
}

tick();
setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);

document.addEventListener("input", ({ target }) => {
  if (target.id === "take-call-number") target.dataset.written = "";
});

// What is drawn anew is made of what the server knows, which has neither what is being written nor why it was refused.
function keepWritten(form, drawn) {
  const field = form.querySelector("#take-call-number");
  const fresh = drawn.querySelector("#take-call-number");
  // (What was written before this script was there is not marked.)
  const isWritten = field?.matches("[data-written], [aria-invalid]") || field?.value !== field?.defaultValue;
  if (!fresh || !isWritten) return;
  fresh.setAttribute("value", field.value);
  fresh.dataset.written = "";
  const errors = form.querySelector("#take-call-error");
  if (!errors || drawn.querySelector("#take-call-error")) return;
  for (const name of ["aria-invalid", "aria-describedby"]) fresh.setAttribute(name, field.getAttribute(name));
  fresh.closest("form").after(errors.cloneNode(true));
}

// A link to a file changes now and then. What is being listened to keeps the one that it has.
document.addEventListener("DOMContentLoaded", () => {
  const callbacks = window.Idiomorph?.defaults?.callbacks;
  if (!callbacks) return;
  callbacks.beforeNodeMorphed = (node, drawn) => {
    if (node.id === "take-call") keepWritten(node, drawn);
  };
  callbacks.beforeAttributeUpdated = (name, node) => {
    return !(name === "src" && node instanceof HTMLAudioElement && (!node.paused || node.currentTime > 0));
  };
});
