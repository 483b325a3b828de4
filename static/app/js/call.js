// A call's page: how long the call has lasted, second by second, and a recording that plays on while the page follows
// what happens.

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

// A link to a file changes now and then. What is being listened to keeps the one that it has.
addEventListener("load", () => {
  const callbacks = window.Idiomorph?.defaults?.callbacks;
  if (!callbacks) return;
  callbacks.beforeAttributeUpdated = (name, node) => {
    return !(name === "src" && node instanceof HTMLAudioElement && (!node.paused || node.currentTime > 0));
  };
});
