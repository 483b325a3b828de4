// What the buttons of a row are about is in their names: "Move up: button 2 “Yes”". Here the names go with what is typed,
// and with rows that are added, moved and removed.

const form = document.querySelector("[data-editor]");
const LONGEST = 40;

function name(tools) {
  const row = tools.closest("[data-row]");
  const path = tools.querySelector("button").value.split(":")[1];
  const field = tools.dataset.calledBy && form.elements.namedItem(`${path}.${tools.dataset.calledBy}`);
  const words = (field?.value ?? "").trim().replace(/\s+/g, " ");
  const short = words.length > LONGEST ? `${words.slice(0, LONGEST - 1)}…` : words;
  const place = [...row.parentElement.children].indexOf(row) + 1;
  const called = `${tools.dataset.called} ${place}${short ? ` “${short}”` : ""}`;
  for (const part of tools.querySelectorAll("[data-name]")) {
    if (part.textContent !== called) part.textContent = called;
  }
}

form.addEventListener("input", (event) => {
  const row = event.target.closest("[data-row]");
  const tools = row && [...row.querySelectorAll("[data-called]")].find((it) => it.closest("[data-row]") === row);
  if (tools) name(tools);
});
// The editor has changed its rows by now: its own listener was there first.
form.addEventListener("click", (event) => {
  if (!event.target.closest('button[name="op"][value*=":"]')) return;
  for (const tools of form.querySelectorAll("[data-called]")) name(tools);
});
