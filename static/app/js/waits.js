// How long somebody has waited goes on while the page stands there. The words are those of `lasted` (console.py).

const EVERY = 15_000;

function lasted(seconds) {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return `${days} day${days > 1 ? "s" : ""}`;
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-how-long]")) {
    const words = lasted((Date.now() - new Date(time.dateTime)) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
}, EVERY);
