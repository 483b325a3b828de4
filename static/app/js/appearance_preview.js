// Around the preview's frame: device, light or dark, open or closed, and what the form beside it says the chat looks
// like. The frame is the real chat; it is told by messages, and only this page's own frame is listened to.

const section = document.getElementById("preview");
const frame = section?.querySelector("[data-frame]");
const stage = section?.querySelector("[data-stage]");
const locale = section?.querySelector("[data-locale]");
const words = section?.querySelector("[data-preview-words]");
const fixed = section?.querySelector("[data-preview-fixed]");

const PHONE = { width: 390, height: 760 };
const DESKTOP = { width: 496, height: 760 };
let isReady = false;
let device = "desktop";
let scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
let isOpen = true;
let busyWith = null; // what had the focus before the chat was told to open, which takes it
let shown = section && JSON.parse(section.dataset.theme); // the last good theme

function tell(message) {
  if (isReady) frame.contentWindow.postMessage({ convoship: "appearance", ...message }, location.origin);
}

// What the visitor's device asks for decides where the theme leaves it open: here the buttons stand for the device.
const mode = () => (shown.mode === "auto" ? scheme : shown.mode);

function look() {
  tell({ theme: { ...shown, mode: mode() }, locale: locale.value, scheme: mode() });
  press();
}

addEventListener("message", ({ source, origin, data }) => {
  if (source !== frame?.contentWindow || origin !== location.origin || data?.convoship !== "preview") return;
  if (data.ready) {
    isReady = true;
    look();
    open();
  }
  if ("open" in data) {
    isOpen = data.open;
    if (busyWith && document.activeElement === frame) {
      if (busyWith === document.body) frame.blur();
      else busyWith.focus({ preventScroll: true });
    }
    busyWith = null;
    press();
  }
  if (data.trouble === "token_expired" || data.trouble === "token_unknown") {
    words.textContent = "This preview is over: it lasts 15 minutes. Begin it again with the arrow.";
  }
});

function open() {
  busyWith = document.activeElement === frame ? null : document.activeElement;
  tell({ open: isOpen });
}

function press() {
  for (const button of section.querySelectorAll("[data-device]")) {
    button.setAttribute("aria-pressed", String(button.dataset.device === device));
  }
  for (const button of section.querySelectorAll("[data-scheme]")) {
    const isIt = button.dataset.scheme === mode();
    button.setAttribute("aria-pressed", String(isIt));
    button.disabled = shown.mode !== "auto" && !isIt;
  }
  fixed.hidden = shown.mode === "auto";
  fixed.textContent = fixed.hidden ? "" : `The chat is always ${mode()}, whatever the visitor's device asks for.`;
  section.querySelector("[data-open]").setAttribute("aria-pressed", String(isOpen));
}

// A frame keeps the width of its device, and is made smaller as a whole where there is no room for it.
function fit() {
  const isPhone = device === "phone";
  stage.classList.toggle("is-phone", isPhone);
  const box = getComputedStyle(stage);
  const room = stage.clientWidth - parseFloat(box.paddingLeft) - parseFloat(box.paddingRight);
  const most = Math.max(360, Math.min(760, innerHeight - 190));
  const size = isPhone ? PHONE : { width: Math.max(DESKTOP.width, room), height: DESKTOP.height };
  const scale = Math.min(1, room / size.width, isPhone ? most / size.height : 1);
  const height = isPhone ? size.height : Math.min(size.height, most / scale);
  Object.assign(frame.style, {
    width: `${size.width}px`,
    height: `${height}px`,
    maxHeight: "none",
    transform: scale < 1 ? `scale(${scale})` : "",
    marginRight: `${size.width * (scale - 1)}px`,
    marginBottom: `${height * (scale - 1)}px`,
  });
}

function begin() {
  isReady = false;
  words.textContent = "";
  frame.contentWindow.location.reload();
}

section?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.device) {
    device = button.dataset.device;
    fit();
  } else if (button.dataset.scheme) {
    scheme = button.dataset.scheme;
    look();
  } else if ("open" in button.dataset) {
    isOpen = !isOpen;
    open();
  } else if ("again" in button.dataset) begin();
  press();
});

// The form says each good theme, and each time that what stands in it can't be shown.
document.addEventListener("appearance:good", ({ detail }) => {
  shown = detail;
  words.textContent = "";
  look();
});
document.addEventListener("appearance:bad", () => {
  words.textContent = "The preview shows the last appearance that can be used: what the form says now can't be.";
});

// The texts that are edited are those to look at.
document.addEventListener("appearance:language", ({ detail }) => {
  if (detail === "*" || detail === locale.value) return;
  if (![...locale.options].some((option) => option.value === detail)) locale.add(new Option(detail, detail));
  locale.value = detail;
  locale.dispatchEvent(new Event("change"));
});
// The launcher's label depends on the language, and the server chooses it.
locale?.addEventListener("change", () => {
  look();
  document.dispatchEvent(new CustomEvent("appearance:judge"));
});

if (frame) {
  section.querySelector("[data-preview-controls]").hidden = false;
  new ResizeObserver(fit).observe(stage);
  addEventListener("resize", fit);
  press();
  fit();
  // It may have been ready before this script was.
  frame.contentWindow.postMessage({ convoship: "appearance", hello: true }, location.origin);
}
