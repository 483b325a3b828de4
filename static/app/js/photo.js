// A photo of a visitor, opened larger within the page. Without this its link downloads it.

const dialog = document.querySelector("[data-photo-dialog]");
const body = dialog?.querySelector("[data-photo-body]");

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-photo]");
  // A click that asks for another tab or a download is left to the browser.
  if (!link || !dialog?.showModal || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const name = link.dataset.photo;
  dialog.querySelector("[data-photo-name]").textContent = name;
  dialog.querySelector("[data-photo-link]").href = link.href;
  const image = document.createElement("img");
  image.alt = name;
  image.addEventListener("error", () => {
    const words = document.createElement("p");
    words.textContent = "The photo can't be shown. Close this and load the page again for a new link to it.";
    body.replaceChildren(words);
  });
  image.src = link.href;
  body.replaceChildren(image);
  dialog.showModal();
});

// A click beside it closes it, as Escape does.
dialog?.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-photo-close]")) dialog.close();
});
dialog?.addEventListener("close", () => body.replaceChildren());
