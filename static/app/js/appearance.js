// The panel and Theme JSON show one theme: what is typed in one stands in the other at once. The server judges it while
// it is typed, by the very check that saves it. Without this file each side is saved by its own button.

const form = document.querySelector("[data-appearance]");
const json = form.querySelector("[data-json]");
const state = form.querySelector("[data-state]");
const language = () => form.elements.shown_language.value;

const EVERYBODY = "*";
const WAIT = 250;
// Texts that have their place elsewhere in the theme, and here one for each language alone.
const TRANSLATED = { launcherLabel: "launcher.label", headerTitle: "header.title", headerSubtitle: "header.subtitle", greeting: "greeting" };

let theme = {};
let isReadable = true;
let isUnsaved = form.hasAttribute("data-unsaved");

// What the scripts of the faults and of the preview listen for.
const tell = (what, detail) => document.dispatchEvent(new CustomEvent(`appearance:${what}`, { detail }));

// --- The theme -----------------------------------------------------------------------------------------------------

const isObject = (it) => typeof it === "object" && it !== null && !Array.isArray(it);
const at = (path) => path.split(".").reduce((inside, key) => (isObject(inside) ? inside[key] : undefined), theme);

function put(path, value) {
  const keys = path.split(".");
  const key = keys.pop();
  const group = keys[0];
  if (group && !isObject(theme[group])) theme[group] = {};
  const inside = group ? theme[group] : theme;
  if (value === "") delete inside[key];
  else inside[key] = value;
  if (group && !Object.keys(inside).length) delete theme[group];
}

function putText(key, text) {
  const texts = isObject(theme.customTexts) ? theme.customTexts : {};
  const was = isObject(texts[key]) ? { ...texts[key] } : texts[key] === undefined ? {} : { [EVERYBODY]: texts[key] };
  if (key in TRANSLATED) delete was[EVERYBODY];
  if (text) was[language()] = text;
  else delete was[language()];
  const tags = Object.keys(was);
  delete texts[key];
  if (tags.length) texts[key] = tags.length === 1 && tags[0] === EVERYBODY ? was[EVERYBODY] : was;
  if (Object.keys(texts).length) theme.customTexts = texts;
  else delete theme.customTexts;
}

function textOf(key, tag) {
  const entry = at(`customTexts.${key}`);
  const text = isObject(entry) ? entry[tag] : tag === EVERYBODY ? entry : undefined;
  return typeof text === "string" ? text : "";
}

// --- From the fields, and into them ----------------------------------------------------------------------------------

function readField(field) {
  let value = field.value.trim();
  const own = form.querySelector(`[data-own="${field.name}"]`);
  if (own) {
    own.hidden = value !== "own";
    // Without an address it stays "own", which is refused: the default would be a silent change of mind.
    if (value === "own") value = own.value.trim() || "own";
  }
  if ("whole" in field.dataset && /^-?\d{1,15}$/.test(value)) value = Number(value);
  const isDefault = field.tagName === "SELECT" && value === field.dataset.default && at(field.name) === undefined;
  if (!isDefault) put(field.name, value);
}

function fill(except) {
  for (const field of form.querySelectorAll("[data-path]")) {
    if (field === except) continue;
    const value = at(field.name);
    const text = isObject(value) || value === undefined || value === null ? "" : String(value);
    const own = form.querySelector(`[data-own="${field.name}"]`);
    if (own) {
      const isOwn = text && !["chat", "help"].includes(text);
      field.value = isOwn ? "own" : text || "chat";
      own.value = isOwn && text !== "own" ? text : "";
      own.hidden = !isOwn;
    } else field.value = text || (field.tagName === "SELECT" ? field.dataset.default : "");
  }
  fillTexts();
  form.dispatchEvent(new Event("refill"));
}

function fillTexts() {
  for (const field of form.querySelectorAll("[data-text]")) {
    field.closest("[data-field]").hidden = field.dataset.text in TRANSLATED && language() === EVERYBODY;
    field.value = textOf(field.dataset.text, language());
  }
}

function showJson() {
  json.value = JSON.stringify(theme, null, 2);
  readable(true);
}

function readable(yes, words = "") {
  isReadable = yes;
  form.querySelector("[data-take-panel]").hidden = yes;
  if (!yes) tell("unreadable", words);
}

function readJson() {
  try {
    const found = JSON.parse(json.value.trim() || "{}");
    if (!isObject(found)) throw new SyntaxError("It has to be an object: { … }.");
    theme = found;
    readable(true);
    return true;
  } catch (error) {
    readable(false, `This can't be read as JSON yet. ${error.message}`);
    return false;
  }
}

form.addEventListener("input", (event) => {
  const field = event.target;
  if (field === json) {
    if (readJson()) fill();
    changed(isReadable);
  } else if ("path" in field.dataset || "own" in field.dataset) {
    readField("own" in field.dataset ? form.elements[field.dataset.own] : field);
    if (isReadable) showJson();
    changed(true);
  } else if ("text" in field.dataset) {
    putText(field.dataset.text, field.value.trim());
    if (isReadable) showJson();
    changed(true);
  }
});

function start(with_) {
  theme = with_;
  fill();
  showJson();
  changed(true);
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  if (!button) return;
  const { dataset } = button;
  if ("reset" in dataset) start({});
  else if ("undo" in dataset) {
    start(JSON.parse(form.dataset.saved));
    saved();
  } else if ("takePanel" in dataset) start(theme);
  else if ("showLanguage" in dataset) otherLanguage();
  else if (button.name === "use") {
    const [path, value] = button.value.split("=");
    put(path, value);
    start(theme);
    form.elements[path].focus();
  } else return;
  event.preventDefault();
});

// --- The language of the texts --------------------------------------------------------------------------------------

const languages = form.querySelector("[data-language]");
let wording = null;

async function showLanguage(tag) {
  form.elements.shown_language.value = tag;
  languages.value = tag;
  fillTexts();
  tell("language", tag);
  wording ??= await (await fetch(form.dataset.texts)).json();
  const own = wording[tag.split("-")[0]] ?? wording.en;
  for (const field of form.querySelectorAll("[data-text]")) {
    const key = field.dataset.text;
    const forAll = key in TRANSLATED ? at(TRANSLATED[key]) : textOf(key, EVERYBODY);
    field.placeholder = (tag === EVERYBODY ? "" : forAll) || own[key] || "";
  }
}

function otherLanguage() {
  const field = form.elements.other_language;
  const words = form.querySelector("[data-language-words]");
  const [first, ...rest] = field.value.trim().replaceAll("_", "-").split("-");
  const tag = [first.toLowerCase(), ...rest.map((it) => (it.length === 4 ? it[0].toUpperCase() + it.slice(1).toLowerCase() : it.toUpperCase()))].join("-");
  const isTag = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?$/.test(tag);
  words.textContent = isTag || !field.value.trim() ? "" : "Use a language tag such as en, de or pt-BR.";
  if (!field.value.trim()) return void showLanguage(languages.value);
  if (!isTag) return field.focus();
  if (![...languages.options].some((option) => option.value === tag)) languages.add(new Option(tag, tag));
  field.value = "";
  showLanguage(tag);
}

languages.addEventListener("change", () => showLanguage(languages.value));
form.elements.other_language.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  otherLanguage();
});

// --- What the server says of it ---------------------------------------------------------------------------------------

let waiting = 0;
let asked = null;

function changed(isToBeJudged) {
  isUnsaved = true;
  if (state) state.textContent = "Not saved yet.";
  clearTimeout(waiting);
  if (isToBeJudged) waiting = setTimeout(judge, WAIT);
  else tell("bad");
}

async function judge() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  try {
    const answer = await fetch(form.dataset.check, {
      method: "POST",
      signal,
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
        "X-Workspace-Id": form.dataset.workspace,
      },
      body: JSON.stringify({ theme, locale: document.querySelector("[data-locale]")?.value ?? "en" }),
    });
    const body = await answer.json();
    if (!answer.ok && !body.errors) throw new Error(body.detail);
    tell("judged", { errors: body.errors ?? {}, better: body.better ?? {}, language: language(), isReadable });
    tell(body.good ? "good" : "bad", body.resolved);
  } catch (error) {
    if (signal.aborted) return;
    if (state) state.textContent = `Not saved yet, and not checked: ${error.message}`;
  }
}
document.addEventListener("appearance:judge", judge);

// --- Nothing typed is lost --------------------------------------------------------------------------------------------

function saved() {
  isUnsaved = false;
  if (state) state.textContent = "";
}

addEventListener("beforeunload", (event) => {
  if (isUnsaved) event.preventDefault();
});

form.addEventListener("submit", (event) => {
  if (!isReadable) {
    event.preventDefault();
    json.focus();
    return;
  }
  isUnsaved = false;
});

for (const button of form.querySelectorAll("[data-save]")) button.value = "json";
form.querySelector("[data-save-json]").hidden = true;
if (readJson()) fill();
else fillTexts();
(form.querySelector("#conflict") ?? form.querySelector("[data-faults]:not([hidden])"))?.focus();
