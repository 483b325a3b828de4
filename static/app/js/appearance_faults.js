// Says what the server finds wrong with a theme: at each field, at Theme JSON by path, and with a button where there is a
// value that passes.

const form = document.querySelector("[data-appearance]");
const json = form.querySelector("[data-json]");

document.addEventListener("appearance:judged", ({ detail: { errors, better, language, isReadable } }) => {
  const all = Object.entries(errors).flatMap(([path, said]) =>
    said.map((words) => ({ path: path.replace(/^theme\.?/, ""), words, use: better[path] })),
  );
  for (const box of form.querySelectorAll("[data-field]")) {
    const { field } = box.dataset;
    const here = all.filter(({ path }) => path === field || path === `${field}.${language}`);
    const own = box.querySelector("[data-own]");
    const wrong = own && !own.hidden ? own : box.querySelector("[data-path], [data-text]");
    for (const input of box.querySelectorAll("[data-path], [data-own], [data-text]")) {
      mark(input, input === wrong && here.length > 0);
    }
    if (!box.hidden) for (const fault of here) fault.label = box.querySelector("label");
    list(box.querySelector("[data-errors]"), here.map((fault) => ({ ...fault, isHere: true })));
  }
  if (isReadable) {
    mark(json, all.length > 0);
    list(form.querySelector("[data-json-errors]"), all);
  }
  // Above the form stands what was refused when it was sent; it goes when that is mended, and doesn't come by itself.
  const top = form.querySelector("[data-faults]");
  if (!all.length) top.hidden = true;
  else top.querySelector("[data-fault-list]").replaceChildren(...all.map(lead));
});

document.addEventListener("appearance:unreadable", ({ detail }) => {
  mark(json, true);
  list(form.querySelector("[data-json-errors]"), [{ path: "", words: detail }]);
});

function mark(input, isWrong) {
  if (isWrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

// In the notice a field is named as it is on the page, with a link to it; what no field shows, by its path.
function lead(fault) {
  if (!fault.label) return line(fault);
  const { label, words } = fault;
  const item = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { href: `#${label.htmlFor}` });
  link.append(label.firstChild.textContent.trim());
  item.append(link, `: ${words}`);
  return item;
}

form.addEventListener("click", (event) => {
  const link = event.target.closest("[data-fault-list] a");
  if (!link) return;
  event.preventDefault();
  const field = document.getElementById(link.hash.slice(1));
  const more = field.closest("details");
  if (more) more.open = true;
  const own = field.parentElement.querySelector("[data-own]:not([hidden])");
  (own ?? field).focus();
});

function list(place, faults) {
  place.replaceChildren(...faults.map(line));
}

function line({ path, words, use, isHere }) {
  const item = document.createElement("li");
  if (path && !isHere) item.append(code(path), ": ");
  item.append(words);
  if (use && isHere) {
    const made = { className: "button tight", type: "submit", name: "use", value: `${path}=${use}` };
    const button = Object.assign(document.createElement("button"), made);
    button.append("Use ", code(use));
    item.append(button);
  }
  return item;
}

function code(text) {
  return Object.assign(document.createElement("code"), { textContent: text });
}
