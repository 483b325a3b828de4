// Allowed origins as rows: each is checked by the server while it is typed, corrected by one click, added and taken out
// in the page. Without this file the same buttons send the form.

const PAUSE = 250;

for (const set of document.querySelectorAll("[data-origins]")) begin(set);

function begin(set) {
  const rows = set.querySelector("[data-rows]");
  const blank = set.querySelector("template[data-blank]");
  const said = set.querySelector("[data-said]");
  const add = set.querySelector("[data-add]");
  const most = Number(set.dataset.most);
  const waits = new WeakMap();
  let made = rows.children.length;

  const input = (row) => row.querySelector("input[name]");

  async function check(row) {
    const typed = input(row).value.trim();
    const answer = row.querySelector("[data-answer]");
    waits.get(row)?.abort();
    if (!typed || typed === row.dataset.known) return show(row, answer, "");
    const asking = new AbortController();
    waits.set(row, asking);
    const number = [...rows.children].indexOf(row);
    const query = new URLSearchParams({ origin: typed, row: number });
    try {
      const response = await fetch(`${set.dataset.origins}?${query}`, { signal: asking.signal });
      // A session that is over is answered with the sign-in page: saving says so.
      if (!response.ok || response.redirected) return;
      const html = await response.text();
      if (input(row).value.trim() === typed) show(row, answer, html);
    } catch {
      // Typed on, or the server is away: saving checks again.
    }
  }

  function show(row, answer, html) {
    answer.innerHTML = html;
    const wrong = Boolean(answer.querySelector(".bad"));
    const field = input(row);
    if (wrong) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    if (html.trim()) field.setAttribute("aria-describedby", answer.id);
    else field.removeAttribute("aria-describedby");
    const first = answer.querySelector(".bad p, .origin-yes");
    said.textContent = html.trim() ? first?.textContent.trim() || `${field.value.trim()} can be used.` : "";
  }

  // Names and labels follow the rows' order.
  function count() {
    [...rows.children].forEach((row, at) => {
      row.querySelector("label").textContent = `Allowed origin ${at + 1}`;
      row.querySelector("[data-which]").textContent = input(row).value || "this row";
    });
    add.hidden = rows.children.length >= most;
  }

  function append(value = "", after = rows.lastElementChild) {
    const row = blank.content.firstElementChild.cloneNode(true);
    made += 1;
    for (const element of row.querySelectorAll("[id]")) element.id = element.id.replace("new", made);
    row.querySelector("label").htmlFor = input(row).id;
    input(row).value = value;
    if (after) after.after(row);
    else rows.append(row);
    count();
    if (value) check(row);
    return row;
  }

  // One pause for each row: who goes on to the next one has typed this one.
  const pauses = new WeakMap();
  rows.addEventListener("input", (event) => {
    const row = event.target.closest("[data-row]");
    if (event.target !== input(row)) return;
    count();
    clearTimeout(pauses.get(row));
    pauses.set(row, setTimeout(() => check(row), PAUSE));
  });

  // A list that is pasted becomes a row for each.
  rows.addEventListener("paste", (event) => {
    const row = event.target.closest("[data-row]");
    const lines = event.clipboardData.getData("text").split(/\s+/).filter(Boolean);
    if (lines.length < 2 || event.target !== input(row) || input(row).value.trim()) return;
    event.preventDefault();
    input(row).value = lines[0];
    check(row);
    let last = row;
    for (const line of lines.slice(1, most - rows.children.length + 1)) last = append(line, last);
    input(last).focus();
  });

  set.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const row = button?.closest("[data-row]");
    if (!button || !button.matches("[data-add], [data-remove], [data-use]")) return;
    event.preventDefault();
    if (button.matches("[data-add]")) return input(append()).focus();
    if (button.matches("[data-use]")) {
      input(row).value = button.dataset.use;
      input(row).focus();
      return check(row);
    }
    clearTimeout(pauses.get(row));
    waits.get(row)?.abort();
    const next = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    input(next || append()).focus();
    count();
  });

  count();
}
