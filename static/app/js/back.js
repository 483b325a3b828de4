// Back as the browser goes back, to a form that still has what was typed in it; else the link leads there.

const link = document.querySelector("[data-back]");
link?.addEventListener("click", (event) => {
  if (history.length < 2) return;
  event.preventDefault();
  history.back();
});
