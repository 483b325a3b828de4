// Sections that stand below each other become tabs: `data-tabs` names the set, each section's `data-tab` its own tab.
// Without this file all of them are there to read.

for (const set of document.querySelectorAll("[data-tabs]")) {
  const panels = [...set.querySelectorAll(":scope > [data-tab]")];
  const key = `convoship:tabs:${set.dataset.tabs}`;
  const list = document.createElement("div");
  list.className = "tabs";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", set.dataset.tabs);

  const tabs = panels.map((panel) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `${panel.id}-tab`;
    tab.textContent = panel.dataset.tab;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.querySelector("[data-tab-title]").hidden = true; // the tab says it
    tab.addEventListener("click", () => choose(panel.id));
    return tab;
  });

  const choose = (id) => {
    panels.forEach((panel, at) => {
      const chosen = panel.id === id;
      panel.hidden = !chosen;
      tabs[at].setAttribute("aria-selected", String(chosen));
      tabs[at].tabIndex = chosen ? 0 : -1;
    });
    try {
      sessionStorage.setItem(key, id);
    } catch {
      // Then the first one is open on the next page.
    }
  };

  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    choose(panels[next].id);
    tabs[next].focus();
    tabs[next].scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  list.append(...tabs);
  set.prepend(list);
  let kept = null;
  try {
    kept = sessionStorage.getItem(key);
  } catch {
    // Storage is closed.
  }
  const asked = location.hash.slice(1);
  choose([asked, kept].find((id) => panels.some((panel) => panel.id === id)) || panels[0].id);
}
