// The preview of a message template follows what is typed: its words where a new one is written, what is put into them
// where one is sent.

const VARIABLE = /\{\{\s*(\w{1,40})\s*\}\}/g;
const LONGEST = 1024;

const preview = document.querySelector("[data-preview]");
const words = preview?.querySelector("[data-preview-words]");

// --- A new one -----------------------------------------------------------------------------------------------------------

function drawNew(form) {
  const body = form.querySelector("[data-template-body]").value;
  const samples = form.querySelector("[data-template-samples]").value.split("\n");
  const parts = [];
  let end = 0;
  for (const found of body.matchAll(VARIABLE)) {
    parts.push(body.slice(end, found.index));
    const mark = document.createElement("mark");
    mark.textContent = samples[Number(found[1]) - 1]?.trim() || found[0];
    parts.push(mark);
    end = found.index + found[0].length;
  }
  words.replaceChildren(...parts, body.slice(end));
  const labels = [...form.querySelectorAll("[data-template-button]")].map((each) => each.value.trim()).filter(Boolean);
  preview.querySelector("[data-preview-buttons]").replaceChildren(
    ...labels.map((label) => {
      const button = document.createElement("span");
      button.textContent = label;
      return button;
    }),
  );
  const count = preview.querySelector("[data-preview-count]");
  count.textContent = `${body.trim().length} of ${LONGEST} characters`;
}

const making = document.querySelector("[data-template-form]");
if (making) {
  preview.hidden = false;
  making.addEventListener("input", () => drawNew(making));
  drawNew(making);
}

// --- One that is sent ------------------------------------------------------------------------------------------------

const filling = document.querySelector("[data-template-fill]");
// What was typed for each variable: the part that it stands in may be drawn anew meanwhile, for another template.
const typed = new Map();

function drawFilled(name, value) {
  for (const mark of filling.querySelectorAll("[data-preview-words] mark")) {
    if (mark.dataset.fills === name) mark.textContent = value.trim() || `{{${name}}}`;
  }
}

if (filling) {
  filling.addEventListener("input", (event) => {
    const name = event.target.dataset.variable;
    if (name === undefined) return;
    typed.set(name, event.target.value);
    drawFilled(name, event.target.value);
  });
  filling.addEventListener("htmx:afterSwap", () => {
    for (const input of filling.querySelectorAll("[data-variable]")) {
      const { variable } = input.dataset;
      if (!typed.has(variable) || input.value === typed.get(variable)) continue;
      input.value = typed.get(variable);
      drawFilled(variable, input.value);
    }
  });
}
