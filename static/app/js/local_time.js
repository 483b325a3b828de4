// A field for date and time that is in UTC says beside it what that is where the reader lives.

const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

for (const field of document.querySelectorAll("[data-utc]")) {
  const input = field.querySelector("input");
  const words = field.querySelector("[data-utc-local]");
  const say = () => {
    const moment = new Date(`${input.value}Z`);
    words.hidden = !input.value || Number.isNaN(moment.valueOf());
    if (!words.hidden) words.textContent = `Where you are (${zone}) that is ${whole.format(moment)}.`;
  };
  // Half a moment is sent as nothing, and nothing means no end.
  input.form?.addEventListener("submit", (event) => {
    if (!input.validity.badInput) return;
    event.preventDefault();
    input.reportValidity();
  });
  input.addEventListener("input", say);
  say();
}
