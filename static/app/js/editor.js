// The assistant's editor without round trips: rows are added, removed and moved here, and fields show as they are used.
// The form works without this file; the server keeps rows in the order in which the form has them. Whatever changes is
// told as `editor:changed`, for the file that saves.

const form = document.querySelector("[data-editor]");
const mayWrite = !form.querySelector("fieldset[disabled]");
let count = 0;

function changed() {
  form.dispatchEvent(new CustomEvent("editor:changed"));
}

// --- Rows --------------------------------------------------------------------------------------------------------

const listAt = (path) => form.querySelector(`[data-rows="${CSS.escape(path)}"]`);
const BLANK = "rows.new";

function add(path, variant) {
  const list = listAt(path);
  const template = document.getElementById(["blank", path.split(".").at(-1), variant].filter(Boolean).join("-"));
  const fresh = `${path}.n${(count += 1)}x${Date.now().toString(36)}`;
  const holder = document.createElement("template");
  // The markup is the server's own template; what is put into it is a path of letters, digits and dots.
  holder.innerHTML = template.innerHTML
    .replaceAll(BLANK, fresh)
    .replaceAll(`f-${BLANK.replaceAll(".", "-")}`, `f-${fresh.replaceAll(".", "-")}`);
  const row = holder.content.firstElementChild;
  if (row.matches("details")) row.open = true;
  list.append(row);
  prepare(row);
  refreshTargets();
  refreshCounts(list);
  row.querySelector("input:not([type=hidden]), textarea").focus();
}

function remove(button) {
  const row = button.closest("[data-row]");
  const list = row.parentElement;
  const next = row.nextElementSibling || row.previousElementSibling;
  const place =
    next?.querySelector("summary, input:not([type=hidden]), textarea") ||
    form.querySelector(`button[value^="add:${CSS.escape(list.dataset.rows)}"]`);
  row.remove();
  refreshTargets();
  refreshCounts(list);
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
  const [verb, path, variant] = button.value.split(":");
  if (verb === "add") add(path, variant);
  else if (verb === "remove") remove(button);
  else move(button, verb === "up" ? -1 : 1);
  changed();
});

// --- What buttons and actions lead to --------------------------------------------------------------------------------

function showValue(select) {
  const value = select.closest("[data-row]").querySelector(":scope > [data-value]");
  if (!value) return;
  value.hidden = select.value.startsWith("intent:");
  value.querySelector("input, textarea").placeholder = select.value === "url" ? "https://…" : "Words";
}

const intentNames = () => [...form.querySelectorAll("[data-intent-name] > :is(input, textarea)")];

function refreshTargets(renamed) {
  const names = [...new Set(intentNames().map((input) => input.value.trim()).filter(Boolean))];
  const known = names.map((name) => name.normalize("NFKC").toLowerCase());
  for (const select of form.querySelectorAll("select[data-target]")) {
    let chosen = select.value;
    if (renamed && chosen === `intent:${renamed.from}`) chosen = `intent:${renamed.to}`;
    const options = names.map((name) => new Option(name, `intent:${name}`));
    const target = chosen.slice(7);
    if (chosen.startsWith("intent:") && !names.includes(target)) {
      const isThere = known.includes(target.normalize("NFKC").toLowerCase());
      options.push(new Option(isThere ? target : `${target} (not there)`, chosen));
    }
    select.querySelector("[data-targets]").replaceChildren(...options);
    select.value = chosen;
    showValue(select);
    showAction(select);
  }
}

// --- What an intent's head says ------------------------------------------------------------------------------------------

const ACTIONS = { "": "", hand_over: "Hands over", end: "Ends" };

function showAction(select) {
  const badge = select.closest("[data-row]").querySelector(":scope > summary [data-summary-action]");
  if (!badge) return;
  badge.textContent = ACTIONS[select.value] ?? `Goes to ${select.value.slice(7)}`;
  badge.hidden = !select.value;
}

function refreshCounts(list) {
  const kind = list.dataset.rows.split(".").at(-1);
  const badge = list.closest("[data-row]")?.querySelector(`:scope > summary [data-summary-count="${kind}"]`);
  if (!badge) return;
  badge.hidden = !list.children.length;
  badge.textContent = `${list.children.length} question${list.children.length === 1 ? "" : "s"}`;
}

form.addEventListener("input", (event) => {
  const input = event.target;
  if (input.name === "note") return; // of the version, not of the draft
  changed();
  const row = input.closest("[data-row]");
  if (input.closest("[data-intent-name]")) {
    row.querySelector('[data-summary="name"]').textContent = input.value || "New intent";
  } else if (row?.matches("[data-question]") && input.name.endsWith(".slot")) {
    row.querySelector('[data-summary="slot"]').textContent = input.value || "New question";
  } else if (input.closest("[data-phrases]")) {
    const lines = input.value.split("\n").filter((line) => line.trim()).length;
    row.querySelector("[data-phrase-count]").textContent = `${lines} phrase${lines === 1 ? "" : "s"}`;
  }
});

form.addEventListener("change", (event) => {
  const input = event.target;
  if (input.matches("select[data-target]")) {
    showValue(input);
    showAction(input);
  }
  if (input.closest("[data-kind]")) showKind(input.closest("[data-question]"));
  if (input.closest("[data-intent-name]")) {
    const was = input.closest("[data-row]").querySelector("[data-was]");
    const to = input.value.trim();
    if (!to) return;
    refreshTargets({ from: was.value, to });
    was.value = to;
  }
});

// --- What a question's kind uses --------------------------------------------------------------------------------------------

const BOUNDS = {
  text: ["Shortest", "Longest", "2", "80"],
  number: ["Least", "Most", "1", "12"],
  date: ["First day", "Last day", "today, or 2027-01-31", "2027-12-31"],
};

// What the kind doesn't use is neither seen nor sent, and comes back with the kind. What came with the page stays until
// the kind is changed, so that an error about it can be read.
function showKind(question, isNew = true) {
  const kind = question.querySelector("[data-kind] select").value;
  for (const part of question.querySelectorAll("[data-of-kind]")) {
    const isUsed = part.dataset.ofKind.split(" ").includes(kind);
    const fields = [...part.querySelectorAll("input, textarea")];
    const isHidden = !isUsed && (isNew || fields.every((field) => !field.value));
    part.hidden = isHidden;
    for (const field of part.querySelectorAll("input, textarea, button")) field.disabled = isHidden;
  }
  const words = BOUNDS[kind];
  if (!words) return;
  for (const [at, name] of ["min", "max"].entries()) {
    const input = question.querySelector(`[data-of-kind] [name$=".${name}"]`);
    input.labels[0].firstChild.textContent = `${words[at]} `;
    input.placeholder = words[at + 2];
  }
}

function prepare(part) {
  for (const question of part.querySelectorAll("[data-question]")) showKind(question, false);
  if (part.matches("[data-question]")) showKind(part, false);
}

// --- The page as it was, and links into it -----------------------------------------------------------------------------------

// After saving, the same intents are open, at the same place on the screen.
const KEY = `convoship:editor:${form.action.replace(/save$/, "")}`;

form.addEventListener("submit", () => {
  const open = [...form.querySelectorAll("[data-intent]")].flatMap((row, n) => (row.open ? [n] : []));
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
  const rows = form.querySelectorAll("[data-intent]");
  for (const n of kept.open) if (rows[n]) rows[n].open = true;
  if (!form.querySelector("[role=alert]:not([hidden])")) scrollTo(0, kept.y);
}

// A link to a field opens all that the field is in.
function reveal(target) {
  for (let box = target?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  target?.focus();
}
form.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link) return;
  event.preventDefault();
  reveal(document.getElementById(link.hash.slice(1)) || form.elements.namedItem(link.dataset.field));
});

if (mayWrite) {
  prepare(form);
  for (const select of form.querySelectorAll("select[data-target]")) showValue(select);
  restore();
  document.querySelector("#refused, #faults")?.focus();
}
