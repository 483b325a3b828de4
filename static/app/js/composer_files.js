// Files of the composer: chosen, dropped, pasted or taken by a phone's camera, each is sent up at once. The answer is
// held until all are there, and names them; a note takes none. Those that are there and were not sent come back with the
// page, as the text does (draft.js): in this tab alone, for this member, and until they sign out.

const AT_ONCE = 3;
// The server deletes after two hours what no message named.
const KEPT_FOR = 110 * 60_000;
// Words for programs, which the general answers have.
const FOR_PROGRAMS = /Retry-After|\/v1\/docs/;

const box = document.querySelector("[data-files]");
const form = document.querySelector("[data-reply]");
if (box) begin();

function begin() {
  const tray = box.querySelector("[data-tray]");
  const field = box.querySelector("#reply-files");
  const status = box.querySelector("[data-files-status]");
  const around = form.closest("[data-composer]");
  const most = Number(box.dataset.most);
  const largest = Number(box.dataset.maxBytes);
  const megabytes = `${Number((largest / 1024 / 1024).toPrecision(3))} MB`;

  const member = document.querySelector("[data-notify]").dataset.notify;
  const KEY = `convoship:draft:${member}:${document.getElementById("live").dataset.liveConversation}:files`;

  let items = [];
  let going = [];
  let held = false;

  const kind = () => form.elements.kind.value;
  const waitsFor = () => items.some(({ state }) => state === "waits" || state === "up");

  // ---- What is shown

  function element(name, attributes = {}, ...inside) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  }

  function size(bytes) {
    if (bytes < 1024) return `${bytes} bytes`;
    return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  }

  function button(words, label, act) {
    const made = element("button", { type: "button", class: "button tight", "aria-label": label }, words);
    made.addEventListener("click", act);
    return made;
  }

  function draw(item) {
    const { name } = item.file;
    const tools = element("span", { class: "row" });
    const parts = [element("span", { class: "tray-name" }, item.name ?? name), tools];
    if (item.state === "failed" && item.again) tools.append(button("Try again", `Try again: ${name}`, () => send(item)));
    tools.append(button("Remove", `Remove ${name}`, () => remove(item)));
    const words = { waits: "Waits", up: "Is being sent up", ready: size(item.size ?? item.file.size), failed: "" }[item.state];
    if (words) parts.splice(1, 0, element("span", { class: "soft small" }, words));
    if (item.state === "up") parts.push((item.bar = element("progress", { max: "1", value: "0", "aria-label": name })));
    if (item.state === "ready") parts.push((item.told = element("span", { class: "tray-how soft small", hidden: "" })));
    if (item.state === "failed") parts.push(element("ul", { class: "errors" }, element("li", {}, item.words)));
    if (item.state === "ready") parts.push(element("input", { type: "hidden", name: "attachments", value: item.id }));
    item.row.className = item.state;
    item.row.replaceChildren(...parts);
    tray.hidden = !tray.children.length;
    tell();
  }

  // How each goes: what one alone would go as, or what it does as those before it leave it no room.
  function tell() {
    let room = box.dataset.together ? Number(box.dataset.together) : Infinity;
    for (const item of items.filter(({ state, row }) => state === "ready" && row.isConnected)) {
      const fits = item.size <= room;
      item.goes = item.how || (fits ? "" : box.dataset.beside);
      if (!item.goes) room -= item.size;
      item.told.textContent = item.goes;
      item.told.hidden = !item.goes;
    }
  }

  function say(words) {
    status.textContent = words;
  }

  function remove(item) {
    item.request?.abort();
    items = items.filter((other) => other !== item);
    const next = item.row.nextElementSibling ?? item.row.previousElementSibling;
    item.row.remove();
    tray.hidden = !tray.children.length;
    tell();
    (next?.querySelector("button") ?? form.elements.text).focus();
    say(`${item.file.name}: removed`);
    keep();
    goOn();
  }

  // ---- Up

  function add(files) {
    if (kind() === "note") {
      // What is meant for members alone never turns into an answer by itself.
      const words = "a note takes no files. Choose Reply to send them to the visitor.";
      document.dispatchEvent(new CustomEvent("refused", { detail: { words, kind: "note" } }));
      return;
    }
    for (const file of files) {
      const item = { file, row: element("li"), state: "waits", again: false };
      const already = new FormData(form).getAll("attachments").length + items.filter(({ state }) => state !== "ready").length;
      items.push(item);
      tray.append(item.row);
      if (already >= most) fail(item, `A message takes ${most} files at most. Remove one, or send this with the next.`);
      else if (file.size > largest) fail(item, `Too large: at most ${megabytes}.`);
      else if (!file.size) fail(item, "The file is empty.");
      else draw(item);
    }
    goOn();
  }

  function fail(item, words, again = false) {
    Object.assign(item, { state: "failed", words, again });
    draw(item);
    say(`${item.file.name}: ${words}`);
  }

  function goOn() {
    const free = AT_ONCE - items.filter(({ state }) => state === "up").length;
    items.filter(({ state }) => state === "waits").slice(0, free).forEach(send);
    if (!held || waitsFor()) return;
    held = false;
    form.removeAttribute("aria-busy");
    form.requestSubmit();
  }

  function send(item) {
    item.state = "up";
    draw(item);
    say(`${item.file.name}: is being sent up`);
    const request = (item.request = new XMLHttpRequest());
    request.open("POST", box.dataset.files);
    request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
    request.setRequestHeader("X-Workspace-Id", box.dataset.workspace);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => (item.bar.value = total ? loaded / total : 0));
    request.addEventListener("load", () => {
      answered(item, request);
      goOn();
    });
    request.addEventListener("error", () => {
      fail(item, "The server can't be reached. Try it again in a moment.", true);
      goOn();
    });
    const body = new FormData();
    body.append("file", item.file);
    request.send(body);
  }

  function answered(item, { status: code, response }) {
    const file = response?.file;
    if (code === 201 && file) {
      Object.assign(item, { state: "ready", id: file.id, name: file.name, size: file.size, how: file.how, at: Date.now() });
      draw(item);
      keep();
      say(`${item.file.name}: ready to send${item.goes ? `, ${item.goes}` : ""}`);
    } else if (code === 401 || response?.code === "csrf_failed") {
      fail(item, "You are signed out. Copy what you wrote, then load this page again.");
    } else {
      const said = Object.values(response?.errors ?? {}).flat().join(" ") || response?.detail || `It was refused (${code}).`;
      const again = code === 429 || code >= 500;
      const hint = FOR_PROGRAMS.test(response?.hint ?? "") ? "" : response?.hint;
      fail(item, `${said} ${hint || (again ? "Try it again in a moment." : "")}`.trim(), again);
    }
  }

  // ---- Kept

  function keep() {
    const ready = [];
    for (const { state, id, name, size: bytes, how, at } of items) {
      if (state === "ready") ready.push({ id, name, size: bytes, how, at });
    }
    try {
      if (ready.length && !isSignedOut) sessionStorage.setItem(KEY, JSON.stringify(ready));
      else sessionStorage.removeItem(KEY);
    } catch {
      // Then they are there for as long as the page is.
    }
  }

  function bringBack() {
    let found = [];
    try {
      found = JSON.parse(sessionStorage.getItem(KEY)) ?? [];
    } catch {
      // None was kept.
    }
    const known = new Set(new FormData(form).getAll("attachments"));
    const gone = [];
    for (const { at, ...one } of found.filter(({ id }) => !known.has(id))) {
      const item = { ...one, at, file: one, row: element("li"), state: "ready" };
      items.push(item);
      tray.append(item.row);
      if (Date.now() - at < KEPT_FOR) draw(item);
      else gone.push(item);
    }
    for (const item of gone) fail(item, "It waited for two hours and is not kept any more. Remove it, and attach it again.");
    keep();
  }

  let isSignedOut = false;
  document.addEventListener("signed-out", () => {
    isSignedOut = true;
    keep();
  });

  // ---- Chosen

  field.removeAttribute("name");
  box.querySelector("[data-plain-files]").hidden = true;
  box.querySelector("[data-file-buttons]").hidden = false;
  const camera = box.querySelector("[data-camera-file]");
  box.querySelector("[data-attach]").addEventListener("click", () => field.click());
  box.querySelector("[data-camera]")?.addEventListener("click", () => camera.click());
  for (const chooser of [field, camera])
    chooser?.addEventListener("change", () => {
      add([...chooser.files]);
      chooser.value = "";
    });

  form.elements.text.addEventListener("paste", (event) => {
    const { files, types } = event.clipboardData;
    // What is copied in a text program comes as text and as a picture of it.
    if (!files.length || types.includes("text/plain")) return;
    event.preventDefault();
    add([...files]);
  });

  // Anywhere on the page: a file that misses the composer would take the browser away from what is written in it.
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  let inside = 0;
  const over = (change) => {
    inside = Math.max(0, inside + change);
    around.toggleAttribute("data-dropping", inside > 0);
  };
  addEventListener("dragenter", (event) => brings(event) && over(1));
  addEventListener("dragleave", (event) => brings(event) && over(-1));
  addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    over(-inside);
    add([...event.dataTransfer.files]);
  });

  // ---- Sent

  // Before whoever sends: while a file is under way the answer waits for it.
  addEventListener(
    "submit",
    (event) => {
      if (event.target !== form || event.submitter?.hasAttribute("formaction")) return;
      // One is under way already: composer.js sees to it.
      if (form.hasAttribute("aria-busy") && !held) return;
      going = [];
      if (kind() === "note") {
        // (What is disabled is not part of what is sent.)
        box.disabled = true;
        setTimeout(() => (box.disabled = false));
        return;
      }
      const stop = () => {
        event.preventDefault();
        event.stopImmediatePropagation();
      };
      if (waitsFor()) {
        stop();
        held = true;
        form.setAttribute("aria-busy", "true");
        say("It is sent as soon as its files are up.");
      } else if (items.some(({ state }) => state === "failed")) {
        stop();
        const words = "a file is not there yet: try it again, or remove it.";
        document.dispatchEvent(new CustomEvent("refused", { detail: { words, kind: "reply" } }));
      } else going = [...tray.children];
    },
    true,
  );
  // What waited as an answer never goes out as a note.
  const letGo = () => {
    if (held) form.removeAttribute("aria-busy");
    held = false;
  };
  form.addEventListener("change", ({ target }) => target.name === "kind" && letGo());
  document.addEventListener("compose", ({ detail }) => detail === "note" && letGo());
  document.addEventListener("replied", () => {
    for (const row of going) row.remove();
    items = items.filter(({ row }) => row.isConnected);
    going = [];
    tray.hidden = !tray.children.length;
    keep();
  });
  bringBack();
}
