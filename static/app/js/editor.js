// The assistant's editor without round trips: rows are added, removed and moved here. The form works without this file;
// the server keeps rows in the order in which the form has them.

const form = document.querySelector("[data-editor]");
const state = form.querySelector("[data-state]");
let count = 0;
let unsaved = form.hasAttribute("data-unsaved");

// --- Rows --------------------------------------------------------------------------------------------------------

function add(path) {
  const list = form.querySelector(`[data-rows="${CSS.escape(path)}"]`);
  const kind = path.split(".").at(-1);
  const template = document.getElementById(`blank-${kind}`);
  const blank = kind === "intents" ? "intents.new" : "rows.new";
  const fresh = `${path}.n${(count += 1)}x${Date.now().toString(36)}`;
  const holder = document.createElement("template");
  // The markup is the server's own template; what is put into it is a path of letters, digits and dots.
  holder.innerHTML = template.innerHTML
    .replaceAll(blank, fresh)
    .replaceAll(`f-${blank.replaceAll(".", "-")}`, `f-${fresh.replaceAll(".", "-")}`);
  const row = holder.content.firstElementChild;
  if (row.matches("details")) row.open = true;
  list.append(row);
  refreshTargets();
  row.querySelector("input:not([type=hidden]), textarea").focus();
}

function remove(button, path) {
  if (path.endsWith(".blocks")) {
    const answer = button.closest("[data-row]");
    form.elements[path]?.remove();
    answer.querySelector("[data-blocks]").remove();
    answer.querySelector("textarea").focus();
    return;
  }
  const row = button.closest("[data-row]");
  const next = row.nextElementSibling || row.previousElementSibling;
  const place = next?.querySelector("summary, input:not([type=hidden]), textarea")
    || row.parentElement.parentElement.querySelector('button[value^="add:"]');
  row.remove();
  refreshTargets();
  place?.focus();
}

function move(button, step) {
  const row = button.closest("[data-row]");
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (step < 0) other.before(row);
  else other.after(row);
  button.focus();
  row.scrollIntoView({ block: "nearest" });
}

form.addEventListener("click", (event) => {
  const button = event.target.closest('button[name="op"]');
  if (!button || !button.value.includes(":")) return;
  event.preventDefault();
  const [verb, path] = button.value.split(":");
  if (verb === "add") add(path);
  else if (verb === "remove") remove(button, path);
  else move(button, verb === "up" ? -1 : 1);
  changed();
});

// --- What buttons lead to ------------------------------------------------------------------------------------------

function showValue(select) {
  const value = select.closest("[data-row]").querySelector("[data-value]");
  value.hidden = select.value.startsWith("intent:");
  const input = value.querySelector("input");
  input.placeholder = select.value === "url" ? "https://…" : "Words";
}

function refreshTargets(renamed) {
  const names = [...form.querySelectorAll("[data-intent-name]")].map((input) => input.value.trim()).filter(Boolean);
  for (const select of form.querySelectorAll("select[data-target]")) {
    const group = select.querySelector("[data-targets]");
    let chosen = select.value;
    if (renamed && chosen === `intent:${renamed.from}`) chosen = `intent:${renamed.to}`;
    const options = names.map((name) => new Option(name, `intent:${name}`));
    if (chosen.startsWith("intent:") && !names.includes(chosen.slice(7))) {
      options.push(new Option(`${chosen.slice(7)} (not there)`, chosen));
    }
    group.replaceChildren(...options);
    select.value = chosen;
    showValue(select);
  }
}

form.addEventListener("change", (event) => {
  if (event.target.matches("select[data-target]")) showValue(event.target);
  if (event.target.matches("[data-intent-name]")) {
    const input = event.target;
    const to = input.value.trim();
    refreshTargets({ from: input.dataset.was ?? input.defaultValue, to });
    input.dataset.was = to;
  }
});

form.addEventListener("input", (event) => {
  changed();
  if (event.target.matches("[data-intent-name]")) {
    const title = event.target.closest("[data-row]").querySelector("[data-summary-name]");
    title.textContent = event.target.value || "New intent";
  }
  if (event.target.matches("[data-phrases]")) {
    const count = event.target.value.split("\n").filter((line) => line.trim()).length;
    const badge = event.target.closest("[data-row]").querySelector("[data-phrase-count]");
    badge.textContent = `${count} phrase${count === 1 ? "" : "s"}`;
  }
});

// --- Nothing typed is lost -----------------------------------------------------------------------------------------

function changed() {
  unsaved = true;
  if (state) state.textContent = "Not saved yet.";
}

addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

// After saving, the page is as it was: the same intents open, the same place on the screen.
const KEY = `convoship:editor:${location.pathname.replace(/save$/, "")}`;

form.addEventListener("submit", () => {
  unsaved = false;
  const open = [...form.querySelectorAll('[data-rows="intents"] > details')].flatMap((row, n) => (row.open ? [n] : []));
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ open, y: scrollY }));
  } catch {
    // Then the page begins at its top.
  }
});

function restore() {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
  } catch {
    return;
  }
  if (!kept) return;
  const rows = form.querySelectorAll('[data-rows="intents"] > details');
  for (const n of kept.open) if (rows[n]) rows[n].open = true;
  if (!form.querySelector("[role=alert]")) scrollTo(0, kept.y);
}

// A link to a field opens the intent that the field is in.
function reveal(id) {
  const target = document.getElementById(id);
  const box = target?.closest("details");
  if (box) box.open = true;
  target?.focus();
}
form.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link) {
    event.preventDefault();
    reveal(link.hash.slice(1));
  }
});

if (state && !form.querySelector("fieldset[disabled]")) {
  for (const select of form.querySelectorAll("select[data-target]")) showValue(select);
  restore();
  document.getElementById("faults")?.focus();
}
