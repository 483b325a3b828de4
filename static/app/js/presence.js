// Who else has this conversation open and who writes in it; and telling how far its member has read. Every page says
// that it is looked at, every ten seconds; who falls silent is forgotten.

const EVERY = 10_000;
const FORGOTTEN = 25_000;
const WRITES = 6_000;

const live = () => document.getElementById("live");
const conversation = live().dataset.liveConversation;
const shown = document.querySelector("[data-present]");
const crossing = document.querySelector("[data-crossing]");
const form = document.querySelector("[data-reply]");
const words = { reply: "is writing a reply", note: "is writing a note", viewing: "is looking at this" };

const send = (frame) => document.dispatchEvent(new CustomEvent("live:send", { detail: frame }));
const isSeen = () => document.visibilityState === "visible";

// --- Telling ---------------------------------------------------------------------------------------------------------

let read = 0;
function look() {
  if (!isSeen()) return;
  send({ type: "viewing", conversation });
  tellRead();
}

function tellRead() {
  const { mine, headSeq } = live().dataset;
  if (!isSeen() || mine !== "yes" || Number(headSeq) <= read) return;
  read = Number(headSeq);
  send({ type: "read", conversation, seq: read });
}

document.addEventListener("live:open", () => {
  read = 0;
  look();
});
document.addEventListener("visibilitychange", look);
document.addEventListener("htmx:afterSettle", tellRead);
setInterval(look, EVERY);

// --- Hearing ---------------------------------------------------------------------------------------------------------

const people = new Map();

document.addEventListener("live:heard", ({ detail: event }) => {
  if (event.type === "page") showPage(event);
  if (event.type === "seen") document.dispatchEvent(new CustomEvent("live:refresh"));
  if (event.type !== "viewing") return;
  const { user, doing } = event;
  const known = people.get(user.id);
  const now = Date.now();
  // That they still look ends no sign of writing: it goes by itself, or with "quiet".
  const { doing: does, since } = doing === "viewing" && known ? known : { doing, since: now };
  if (doing === "gone") people.delete(user.id);
  else people.set(user.id, { ...user, doing: does === "quiet" ? "viewing" : does, since, until: now + FORGOTTEN });
  draw();
});
form?.addEventListener("change", draw);
setInterval(draw, 1_000);

function draw() {
  for (const [id, person] of people) if (person.until < Date.now()) people.delete(id);
  const here = [...people.values()].map((person) => {
    const isOver = person.doing !== "viewing" && Date.now() - person.since > WRITES;
    return { ...person, doing: isOver ? "viewing" : person.doing };
  });
  const now = JSON.stringify(here.map(({ id, name, doing }) => [id, name, doing]));
  if (shown.dataset.now !== now) {
    shown.dataset.now = now;
    shown.firstElementChild.replaceChildren(...here.map(face));
  }
  shown.hidden = !here.length;
  if (!crossing) return;
  const writing = here.filter((person) => person.doing === "reply").map((person) => person.name);
  const isReply = form.elements.kind.value === "reply";
  const warning = writing.length && isReply ? `${writing.join(" and ")} ${writing.length > 1 ? "are" : "is"} answering too.` : "";
  crossing.hidden = !warning;
  if (crossing.textContent !== warning) crossing.textContent = warning;
}

function face({ name, initials, doing }) {
  const item = document.createElement("li");
  const mark = document.createElement("span");
  mark.className = "face";
  mark.setAttribute("aria-hidden", "true");
  mark.textContent = initials;
  item.append(mark, ` ${name} ${words[doing]}`);
  return item;
}

// --- Where the visitor is ---------------------------------------------------------------------------------------------

function showPage({ url, title }) {
  const link = document.querySelector("[data-page-link]");
  if (!link || !/^https?:\/\//.test(url)) return;
  link.href = url;
  link.textContent = title || url;
  for (const part of document.querySelectorAll("[data-page-now]")) part.hidden = false;
}

// On a phone what is known of the visitor stands below the talk, folded away until it is asked for.
if (matchMedia("(max-width: 60rem)").matches) document.querySelector("[data-about]:not(:has([aria-invalid]))")?.removeAttribute("open");

// Exports have their times where who takes them lives.
for (const link of document.querySelectorAll("[data-export] a")) {
  const address = new URL(link.href);
  address.searchParams.set("zone", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
  link.href = address.href;
}
