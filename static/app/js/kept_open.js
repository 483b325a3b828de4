// What somebody opened (`details` with an id), closed (where it also `data-starts-open`) or chose and has not sent yet
// (`select` with an id) stays so when an event has its part of the page drawn anew.

let open = [];
let shut = [];
const chosen = new Map();

document.addEventListener("change", ({ target }) => {
  if (target.matches("select[id]")) chosen.set(target.id, target.value);
});

document.addEventListener("htmx:beforeSwap", (event) => {
  open = [...(event.detail.target?.querySelectorAll("details[id][open]") ?? [])].map((each) => each.id);
  shut = [...document.querySelectorAll("details[id][data-starts-open]:not([open])")].map((each) => each.id);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const id of shut) document.getElementById(id)?.removeAttribute("open");
  for (const [id, value] of chosen) {
    const select = document.getElementById(id);
    if (select && [...select.options].some((option) => option.value === value)) select.value = value;
    else chosen.delete(id);
  }
});
