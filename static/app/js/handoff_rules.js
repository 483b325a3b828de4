// The rules of hand-overs: rows are added by the server's buttons (htmx draws the form anew); here what was typed and
// not saved is kept from being left behind, a new row is focused, and Ctrl+S saves.

const form = () => document.querySelector("[data-rules]");
let isTouched = false;

document.addEventListener("input", (event) => {
  if (event.target.closest("[data-rules]")) isTouched = true;
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-rules]")) isTouched = false;
});

addEventListener("beforeunload", (event) => {
  if (isTouched) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "s") return;
  const save = form()?.querySelector(".savebar [value=save]");
  if (!save) return;
  event.preventDefault();
  form().requestSubmit(save);
});

// What could not be saved is told at the top, and is mended in the field: the first of them has the focus.
const faulty = () => document.querySelector("[data-rules] [aria-invalid=true]");

function toFirstFault() {
  const field = faulty();
  if (!field) return;
  for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  field.focus();
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-first-fault]")) return;
  event.preventDefault();
  toFirstFault();
});
const way = document.querySelector("[data-first-fault]");
if (way && faulty()) {
  way.hidden = false;
  toFirstFault();
}

// After a button of the rows: what it added is where one goes on.
document.addEventListener("htmx:afterSettle", (event) => {
  const op = event.detail.requestConfig?.elt?.value ?? "";
  if (!op) return;
  isTouched = true;
  const [what, rest] = op.split(/-(.*)/s);
  const last = (selector) => [...document.querySelectorAll(selector)].at(-1);
  const added = {
    deskadd: () => last("[id^=desk_]"),
    spanadd: () => last(`[name^="${rest}_"][name$=_from]`),
    holidayadd: () => last("[name^=holiday_][name$=_date]"),
    alsoadd: () => last(`[name^="also_${rest}_"][name$=_language]`),
  };
  const details = what === "alsoadd" ? document.querySelector(`#step-${CSS.escape(rest)}`) : null;
  if (details) details.open = true;
  (added[what]?.() ?? document.getElementById(`op-${op}`) ?? form())?.focus();
});
