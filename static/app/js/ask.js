// A button that can't be undone (`data-ask`: the id of a `dialog`) asks first, whether it was pressed or its key was.
// What is safe has the focus, so Enter and Escape both keep things as they are. Without this the button acts at once.

let confirmed = false;

document.addEventListener(
  "submit",
  (event) => {
    const { ask } = event.submitter?.dataset ?? {};
    const dialog = ask && document.getElementById(ask);
    if (!dialog || confirmed) return;
    event.preventDefault();
    event.stopPropagation();
    const unsent = dialog.querySelector("[data-unsent]");
    if (unsent) unsent.hidden = !document.querySelector("[data-reply]")?.elements.text.value.trim();
    dialog.returnValue = "";
    dialog.showModal();
  },
  true,
);

for (const dialog of document.querySelectorAll("dialog.ask")) {
  dialog.addEventListener("click", ({ target }) => {
    if (target.dataset.answer !== undefined) dialog.close(target.dataset.answer);
  });
  dialog.addEventListener("close", () => {
    // An event may have drawn the button anew meanwhile, or taken it away.
    const button = document.querySelector(`[data-ask="${dialog.id}"]`);
    if (dialog.returnValue !== "yes" || !button) return;
    confirmed = true;
    button.form.requestSubmit(button);
    confirmed = false;
  });
}
