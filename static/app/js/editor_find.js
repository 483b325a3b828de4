// Finds an intent by its name or by what visitors say: the others are out of sight as long as something is typed.

const field = document.getElementById("find");
const found = document.querySelector("[data-found]");
const nothing = document.querySelector("[data-nothing-found]");
const intents = () => [...document.querySelectorAll("[data-intent]")].filter((row) => row.closest("form"));
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function find() {
  const words = plain(field.value).split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of intents()) {
    const text = plain([...row.querySelectorAll('[data-intent-name] > *, [data-phrases] textarea')].map((it) => it.value ?? "").join("\n"));
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  nothing.hidden = !words.length || shown > 0;
  found.textContent = words.length ? `${shown} intent${shown === 1 ? "" : "s"} found` : "";
}

document.querySelector("[data-find]").hidden = intents().length < 4;
field.addEventListener("input", (event) => {
  event.stopPropagation(); // it is no part of the script
  find();
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && field.value) {
    event.preventDefault();
    field.value = "";
    find();
  }
  if (event.key !== "Enter") return;
  event.preventDefault();
  const first = intents().find((row) => !row.hidden);
  if (!field.value || !first) return;
  first.open = true;
  first.querySelector("summary").focus();
});
// A new row, or one that an error is in, is in sight.
document.addEventListener("click", (event) => {
  if (!field.value || !event.target.closest('button[value="add:intents"], a[href^="#f-"]')) return;
  field.value = "";
  find();
});
