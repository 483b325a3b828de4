// How long free words may still be sent, counted down while somebody looks. Once it is over, the page says so.

const LAST_HOUR = 60;
const EVERY = 10_000;

function words(minutes) {
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (!hours) return minutes ? `${minutes} min left` : "less than a minute left";
  return rest ? `${hours} h ${rest} min left` : `${hours} h left`;
}

let asked = "";

function tick() {
  const line = document.querySelector("[data-window-closes]");
  if (!line) return;
  const closes = line.dataset.windowCloses;
  const left = new Date(closes) - Date.now();
  if (left <= 0) {
    // Drawn anew by the server, once: a clock of ours that is ahead would ask for ever.
    if (asked !== closes) window.htmx?.trigger("#live", "refresh");
    asked = closes;
    return;
  }
  const minutes = Math.floor(left / 60_000);
  const shown = line.querySelector("[data-window-left]");
  if (shown.textContent !== words(minutes)) shown.textContent = words(minutes);
  line.classList.toggle("soon", minutes < LAST_HOUR);
}

tick();
setInterval(tick, EVERY);
document.addEventListener("visibilitychange", tick);
document.addEventListener("htmx:afterSettle", tick);
