// The keys of a conversation's page.

const { register } = window.convoshipKeys;
const compose = (kind) => document.dispatchEvent(new CustomEvent("compose", { detail: kind }));
const press = (selector) => document.querySelector(selector)?.click();

if (document.querySelector("[data-reply]")) {
  register("r", "Write a reply", () => compose("reply"));
  register("n", "Write a note", () => compose("note"));
  register("a", "Assign to me", () => press("[data-assign-me]"));
  register("e", "Resolve", () => press("[data-resolve]"));
}
register("Escape", "Back to the list", () => press(".crumb"));
