// What can follow a sign in the composer: members after "@", canned replies after "/". A listbox above the text, driven
// from it by the keyboard as in WAI-ARIA's editable combobox, whose role no text of several lines may have. Without it
// the same can be typed out.

const form = document.querySelector("[data-reply]");
const text = form.elements.text;
const MOST = 8;

const box = document.createElement("div");
box.className = "suggest";
const list = document.createElement("ul");
list.id = "suggestions";
list.className = "suggestions";
list.setAttribute("role", "listbox");
list.hidden = true;
box.append(list);
text.before(box);
text.setAttribute("aria-autocomplete", "list");
text.setAttribute("aria-controls", list.id);
text.setAttribute("aria-haspopup", "listbox");
text.setAttribute("autocomplete", "off");

let offered = [];
let at = 0;
let from = 0;

// --- What is offered -------------------------------------------------------------------------------------------------

const handles = form.dataset.handles.split("\n").filter(Boolean);

function members(typed) {
  const wanted = typed.toLowerCase();
  const fits = handles.filter((handle) => handle.toLowerCase().split(/[\s@]/).some((word) => word.startsWith(wanted)) || handle.toLowerCase().startsWith(wanted));
  return fits.map((handle) => ({ words: handle, more: "", value: () => `@${handle} ` }));
}

// Filled in by the server for this conversation; asked for once a minute, so that a new one comes without a new page.
let replies = null;
function canned() {
  if (!replies) {
    replies = fetch(form.dataset.canned, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok && !answer.redirected ? answer.json() : { replies: [] }))
      .catch(() => ({ replies: [] }));
    setTimeout(() => (replies = null), 60_000);
  }
  return replies.then((found) => found.replies);
}

async function matching(typed) {
  const wanted = typed.toLowerCase();
  const fits = (await canned()).filter(({ shortcut, title }) => shortcut.startsWith(wanted) || title.toLowerCase().includes(wanted));
  return fits.map((reply) => ({ words: `/${reply.shortcut} ${reply.title}`, more: reply.text, value: () => taken(reply) }));
}

// What is not known stands as a mark in the text, and is named below it for as long as a mark of it is there.
const note = form.querySelector("[data-missing]");
let unknown = note.dataset.missing.split("\n").filter(Boolean);

function taken({ text: words, missing }) {
  unknown = [...new Set([...unknown, ...missing])];
  return words;
}

function tellMissing() {
  const marked = form.elements.kind.value === "reply" ? unknown.filter((name) => text.value.includes(`[${name}?]`)) : [];
  note.hidden = !marked.length;
  const words = marked.length ? `Not known here: ${marked.join(", ")}. Replace what stands in [ ] before you send.` : "";
  if (note.textContent !== words) note.textContent = words;
}

for (const event of ["input", "change"]) form.addEventListener(event, tellMissing);
document.addEventListener("replied", () => {
  unknown = [];
  tellMissing();
});

form.querySelector("[data-insert]")?.addEventListener("click", async (event) => {
  event.preventDefault();
  const { canned: select } = form.elements;
  const chosen = (await canned()).find(({ shortcut }) => shortcut === select.value);
  if (!chosen) return;
  text.focus();
  text.setRangeText(taken(chosen), text.selectionStart, text.selectionEnd, "end");
  select.value = "";
  text.dispatchEvent(new Event("input", { bubbles: true }));
});

const SOURCES = [
  { sign: /(?:^|[\s(])@([\p{L}\p{N}._-]*(?: [\p{L}\p{N}._-]*)?)$/u, kinds: ["note"], label: "Members", find: members },
  { sign: /(?:^|\s)\/([a-z0-9_-]*)$/i, kinds: ["reply", "note"], label: "Canned replies", find: matching },
];

async function look() {
  const before = text.value.slice(0, text.selectionStart);
  for (const source of SOURCES) {
    const found = text.selectionStart === text.selectionEnd && source.sign.exec(before);
    if (!found || !source.kinds.includes(form.elements.kind.value)) continue;
    const options = (await source.find(found[1])).slice(0, MOST);
    if (before !== text.value.slice(0, text.selectionStart)) return;
    if (options.length) {
      offer(source.label, options, text.selectionStart - found[1].length - 1);
      return;
    }
  }
  close();
}

// --- The list --------------------------------------------------------------------------------------------------------

function offer(label, options, start) {
  offered = options;
  from = start;
  at = 0;
  list.setAttribute("aria-label", label);
  list.replaceChildren(
    ...options.map((option, index) => {
      const item = document.createElement("li");
      item.id = `suggestion-${index}`;
      item.setAttribute("role", "option");
      item.append(option.words);
      if (option.more) {
        const more = document.createElement("small");
        more.textContent = option.more;
        item.append(more);
      }
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(index);
      });
      return item;
    }),
  );
  list.hidden = false;
  mark();
}

function mark() {
  [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
  list.children[at].scrollIntoView({ block: "nearest" });
  text.setAttribute("aria-activedescendant", list.children[at].id);
}

function close() {
  list.hidden = true;
  offered = [];
  text.removeAttribute("aria-activedescendant");
}

function choose(index) {
  const { value } = offered[index];
  text.setRangeText(value(), from, text.selectionStart, "end");
  close();
  text.dispatchEvent(new Event("input", { bubbles: true }));
}

text.addEventListener("input", look);
text.addEventListener("blur", close);
text.addEventListener("keydown", (event) => {
  if (list.hidden || event.ctrlKey || event.metaKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) at = (at + step + offered.length) % offered.length;
  else if (event.key === "Enter" || event.key === "Tab") choose(at);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
  if (step) mark();
});
