// A slider beside the number of a share: either moves the other. Without this file the number is all there is.

for (const box of document.querySelectorAll("[data-share]")) {
  const number = box.querySelector('input[type="number"]');
  const slider = box.querySelector('input[type="range"]');
  slider.hidden = false;
  slider.addEventListener("input", () => (number.value = slider.value));
  number.addEventListener("input", () => number.value && (slider.value = number.value));
}
