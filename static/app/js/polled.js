// A part of the page that follows what happens: fetched again every few seconds while somebody looks, and put in place
// without moving the page or taking the focus. `data-polled` may say how often, in milliseconds.

const EVERY = 4_000;

const part = () => document.querySelector("[data-polled]");

function refresh() {
  if (document.visibilityState !== "visible" || !window.htmx) return;
  // What is just being sent, or stands open, is left as it is.
  if (part()?.querySelector("form[data-sent], details[open]")) return;
  window.htmx.trigger(part(), "refresh");
}

// A session that is over answers with the sign-in page, which has no place inside this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (new URL(xhr.responseURL).pathname === new URL(requestConfig.path, location.href).pathname) return;
  event.detail.shouldSwap = false;
  location.reload();
});

if (part()) {
  setInterval(refresh, Number(part().dataset.polled) || EVERY);
  document.addEventListener("visibilitychange", refresh);
}
