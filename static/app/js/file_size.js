// A file that is too large is told so beside its field, before anything is sent: the server reads no such form, so what
// else was typed in it would be lost.

for (const field of document.querySelectorAll("input[type=file][data-max-bytes]")) {
  const most = Number(field.dataset.maxBytes);
  const id = `${field.id}_error`;
  const described = field.getAttribute("aria-describedby") ?? "";

  const tell = (words) => {
    document.getElementById(id)?.remove();
    field.toggleAttribute("aria-invalid", false);
    field.setAttribute("aria-describedby", [described.replace(id, "").trim(), words && id].filter(Boolean).join(" "));
    if (!words) return;
    const list = document.createElement("ul");
    const item = document.createElement("li");
    Object.assign(list, { id, className: "errors" });
    item.textContent = words;
    list.append(item);
    field.after(list);
    field.setAttribute("aria-invalid", "true");
  };
  const isTooLarge = () => [...field.files].some(({ size }) => size > most);
  const look = () => tell(isTooLarge() ? `The file is too large: at most ${Number((most / 1024 / 1024).toPrecision(3))} MB.` : "");

  field.addEventListener("change", look);
  field.form.addEventListener(
    "submit",
    (event) => {
      if (!isTooLarge()) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      look();
      field.focus();
    },
    true,
  );
}
