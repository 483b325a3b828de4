"""axe-core over a page or a part of it, in both colours and both widths."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal

from playwright.sync_api import Page

from convoship.machine import node

Colours = Literal["light", "dark"]
LOOKS: tuple[tuple[int, int, Colours], ...] = (
    (1280, 800, "light"),
    (1280, 800, "dark"),
    (390, 844, "dark"),
    (390, 844, "light"),
)


@cache
def source() -> str:
    """The library's text, from the widget's development packages."""
    node.install()
    return (node.FRONTEND / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def looks(page: Page) -> Iterator[str]:
    """Show the page in each width and colour; yields what to call it."""
    for width, height, colours in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        yield f"{width} {colours}"


def violations(page: Page, part: str = "document", look: str = "light", also: str = "") -> list[str]:
    """What axe objects to, one line each. Of the two colours' four looks the dark ones differ in contrast alone.

    `also`: a rule that it doesn't ask by itself.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    rules = "" if "light" in look else ", runOnly: ['color-contrast']"
    rules += f", rules: {{'{also}': {{enabled: true}}}}" if also else ""
    found = page.evaluate(f"axe.run({part}, {{resultTypes: ['violations']{rules}}}).then((found) => found.violations)")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary'].splitlines()[-1].strip()}"
        for rule in found
        for node in rule["nodes"]
    ]


# Whatever sticks out of the window to the right and is not inside something that scrolls or cuts by itself. The body's
# own cutting does not count: it would hide what is too wide from the eye, and from `scrollWidth`.
_STICKS_OUT = """() => {
  const beyond = (it) => it.getBoundingClientRect().right > innerWidth + 1;
  const cuts = (it) => {
    for (let up = it.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible' && !beyond(up)) return true;
    return false;
  };
  return [...document.querySelectorAll('body *')]
    .filter((it) => beyond(it) && !cuts(it))
    .map((it) => `${it.tagName}.${it.className} ends at ${Math.round(it.getBoundingClientRect().right)}`).slice(0, 8);
}"""


def overflow(page: Page) -> list[str]:
    """What makes the page wider than its window."""
    found: list[str] = page.evaluate(_STICKS_OUT)
    return found
