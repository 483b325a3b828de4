// Times are typed where the reader lives: the form says which time zone that is. Without this file they are in UTC.

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();

for (const form of document.querySelectorAll("[data-zone-form]")) {
  form.querySelector("[data-zone]").value = timeZone;
  form.querySelector("[data-zone-name]").textContent = `(${timeZone.replaceAll("_", " ")})`;
}
