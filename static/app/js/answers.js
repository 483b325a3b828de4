// The tab Answers: a preset that is chosen fills in its address at once. Without this file its button does.

document.addEventListener("change", (event) => {
  const button = event.target.dataset?.fills && document.getElementById(event.target.dataset.fills);
  button?.click();
});
