// The keys of the inbox's list. A key moves the focus itself, so Enter, Tab and a screen reader go on from where it is.

const { register } = window.convoshipKeys;
const rows = () => [...document.querySelectorAll("[data-inbox] .title-link")];

function move(by) {
  const links = rows();
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + by));
  links[next].focus();
  links[next].closest(".inbox-row").scrollIntoView({ block: "nearest" });
}

// Arrows move the page, but from one conversation they lead to the next; they are no single letters, and always on.
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.closest?.("[data-inbox]")) return;
  event.preventDefault();
  move(event.key === "ArrowDown" ? 1 : -1);
});

register("j", "Next conversation; from one of them the arrow keys, too", () => move(1));
register("k", "Previous conversation", () => move(-1));
register("/", "Search", () => {
  const search = document.querySelector("[data-search]");
  search.focus();
  search.select();
});
const GO = { a: ["all", "All"], m: ["mine", "Mine"], u: ["unassigned", "Unassigned"], w: ["waiting", "Waiting"], o: ["active", "Open"], s: ["snoozed", "Snoozed"] };
for (const [key, [chip, words]] of Object.entries(GO)) {
  register(`g ${key}`, words, () => document.querySelector(`[data-chip="${chip}"]`)?.click());
}
