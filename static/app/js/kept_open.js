// What somebody opened (`details` with an id) stays open when an event has its part of the page drawn anew.

let open = [];

document.addEventListener("htmx:beforeSwap", (event) => {
  open = [...(event.detail.target?.querySelectorAll("details[id][open]") ?? [])].map((each) => each.id);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
});
