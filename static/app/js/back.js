// Back as the browser goes back, which keeps what was typed in most fields; else the link leads there.

const link = document.querySelector("[data-back]");
link?.addEventListener("click", (event) => {
  if (history.length < 2) return;
  event.preventDefault();
  history.back();
});
