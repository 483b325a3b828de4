// Runs before the first paint, so that a page never flashes in the other colours.
(() => {
  let theme = "auto";
  try {
    theme = localStorage.getItem("convoship:theme") || "auto";
  } catch {
    // Storage can be switched off; then the system's choice stands.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
