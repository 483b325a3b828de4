// The switch by which a member goes away and comes on duty is pressed without leaving the page, and what is typed in it.
// Without this the form is sent, and leads back. And the number of who waits in a phone's bar follows the list's.

const said = document.createElement("p");
said.className = "duty-said";
said.setAttribute("role", "status");
document.querySelector("main")?.append(said);
let clearing = 0;

function say(words) {
  said.textContent = words;
  clearTimeout(clearing);
  clearing = setTimeout(() => (said.textContent = ""), 5_000);
}

// Both of the page, in the sidebar and in the bar, are those that the server has drawn.
function redraw(html) {
  const drawn = new DOMParser().parseFromString(html, "text/html");
  const focused = document.activeElement?.closest?.("form[data-duty]")?.dataset.duty;
  for (const form of document.querySelectorAll("form[data-duty]")) {
    const fresh = drawn.querySelector(`form[data-duty="${form.dataset.duty}"]`);
    if (fresh) form.replaceWith(fresh);
  }
  if (focused) document.querySelector(`form[data-duty="${focused}"] button`)?.focus({ preventScroll: true });
  say(drawn.querySelector("[data-duty-said]")?.textContent ?? "");
}

let isUnderWay = false;
document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target;
    if (!form.matches("form[data-duty]")) return;
    event.preventDefault();
    if (isUnderWay) return;
    isUnderWay = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form, event.submitter),
        headers: { "HX-Request": "true" },
      });
      if (answer.ok && !answer.redirected) redraw(await answer.text());
      else say("Nothing was changed. Load this page again, and copy before what you have written.");
    } catch {
      say("Nothing was changed: the server can't be reached. Try again in a moment.");
    }
    isUnderWay = false;
  },
  true,
);

// --- Who waits ---------------------------------------------------------------------------------------------------------

document.addEventListener("htmx:afterSettle", showWaiting);
document.addEventListener("waiting", showWaiting);
function showWaiting() {
  const { waiting } = document.getElementById("live")?.dataset ?? {};
  const link = document.querySelector("[data-waiting-link]");
  if (!waiting || !link) return;
  link.hidden = waiting === "0";
  link.querySelector("[data-waiting-count]").textContent = waiting;
}
