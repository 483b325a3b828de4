// A colour picker beside each field that takes a colour as #2f54d6; both always say the same. Without this file the
// field alone does.

const HEX = /^#([\da-f]{3}|[\da-f]{6})$/i;

function whole(text) {
  return text.length === 4 ? text.replace(/[\da-f]/gi, "$&$&").toLowerCase() : text.toLowerCase();
}

for (const box of document.querySelectorAll("[data-colour]")) {
  const field = box.querySelector("input");
  const picker = document.createElement("input");
  picker.type = "color";
  picker.setAttribute("aria-label", `Pick: ${field.labels[0].textContent.trim()}`);
  box.prepend(picker);

  const follow = () => {
    const text = field.value.trim();
    const known = HEX.test(text) ? text : box.dataset.default || document.querySelector("[name=primaryColor]")?.value;
    picker.value = HEX.test(known ?? "") ? whole(known) : "#000000";
    picker.classList.toggle("is-empty", !text);
    picker.disabled = field.matches(":disabled");
  };
  picker.addEventListener("input", () => {
    field.value = picker.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  field.addEventListener("input", follow);
  // The whole form was filled anew: a reset, or Theme JSON was edited.
  field.form.addEventListener("refill", follow);
  follow();
}
