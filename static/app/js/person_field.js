// A new field's key is proposed from its label, for as long as nobody wrote another.

const { label, key } = document.querySelector(".person-field").elements;
const LONGEST = 40;

function proposed() {
  const plain = label.value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const joined = plain.replace(/[^a-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "");
  return joined.slice(0, LONGEST).replace(/_+$/, "");
}

let isOurs = !key.value || key.value === proposed();
label.addEventListener("input", () => {
  if (isOurs) key.value = proposed();
});
key.addEventListener("input", () => {
  isOurs = !key.value;
});
