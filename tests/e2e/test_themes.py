"""Whatever theme is accepted can be read by everyone: the real widget under random themes, judged by axe in both modes.

The widget is the built one; what it asks for is answered here, so that a message of each kind is there. Once loaded it
takes one theme after the other. `make test-themes` tries 1,000, a usual run a slice of them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from deployments import theme as rules
from deployments.theme import ThemeRefused
from tests.e2e import axe, random_themes

COUNT = int(os.environ.get("CONVOSHIP_THEMES", "40"))
BATCH = 40
HOME = "https://themes.example"
BUILD = Path(__file__).parents[2] / "static" / "widget"
NOON = "2026-11-27T12:00:00Z"
SESSION = {
    "id": "3d4e7b1c-0000-4000-8000-000000000001",
    "conversation_id": "3d4e7b1c-0000-4000-8000-000000000002",
    "status": "active",
    "control": "waiting",
    "head_seq": 0,
    "rev": 0,
    "created_at": NOON,
}
MARKDOWN = """Words, **strong** and *soft*, with [a link](https://example.com/), `code` and [`linked code`](https://example.com/).

* one
* two with [another](https://example.com/)

```
a block of code
```"""
CARD = {"title": "Rope", "text": "Made to last.", "buttons": [{"label": "Buy", "payload": "buy"}]}
BUTTONS = [{"label": "Yes", "payload": "y"}, {"label": "Terms", "url": "https://example.com/"}]
ITEMS = [{"title": "Wool", "text": "Soft", "url": "https://example.com/"}, {"title": "Canvas", "text": "Strong"}]
SAID: list[dict[str, Any]] = [
    {"author": {"kind": "assistant"}, "text": MARKDOWN, "blocks": [{"type": "buttons", "buttons": BUTTONS}]},
    {"author": {"kind": "visitor"}, "text": "Show me"},
    {"author": {"kind": "assistant"}, "text": "Here", "blocks": [{"type": "card", **CARD}]},
    {"author": {"kind": "assistant"}, "text": "", "blocks": [{"type": "carousel", "cards": [CARD, CARD]}]},
    {"author": {"kind": "assistant"}, "text": "", "blocks": [{"type": "list", "items": ITEMS}]},
    {"author": {"kind": "assistant"}, "text": "", "status": "failed"},
    {"author": {"kind": "system"}, "text": "Ada joined, see [who](https://example.com/)."},
    {"author": {"kind": "agent", "name": "Ada"}, "text": "Hello, [look](https://example.com/)."},
]
MESSAGES = [
    {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "seq": number,
        "rev": number,
        "status": "sent",
        "blocks": [],
        "attachments": [],
        "created_at": NOON,
        **said,
    }
    for number, said in enumerate(SAID, start=1)
]
PAGE = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Themes</title><h1>Themes</h1>
<script src="{HOME}/embed/v1.js"></script>
<script>ConvoshipQueue.push(['init', {{agentId: 'a', token: 'cdp_themes', apiUrl: '{HOME}', open: true}}])</script>"""

# One theme after the other, each in both modes, judged after the frame in which it is drawn; names don't depend on the
# mode. What axe can't decide counts as not passed. The launcher's icon is a picture to axe: its contrast is looked at
# here.
JUDGE = """(themes) => { window.judged = (async () => {
  const host = document.querySelector('convoship-widget'), root = host.shadowRoot;
  const level = (rgb) => rgb.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => (part > 0.04045 ? ((part + 0.055) / 1.055) ** 2.4 : part / 12.92))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ratio = (one, other) => {
    const [low, high] = [level(one), level(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const rules = RULES;
  const quickly = {elementRef: true, selectors: false, preload: false};
  const found = [];
  for (const [number, theme] of themes) for (const mode of ['light', 'dark']) {
    Convoship.setTheme({...theme, mode});
    await new Promise((done) => requestAnimationFrame(done));
    const runOnly = mode === 'light' ? rules : ['color-contrast'];
    const told = await axe.run(host, {runOnly, resultTypes: ['violations', 'incomplete'], ...quickly});
    for (const rule of [...told.violations, ...told.incomplete.filter((it) => it.id === 'color-contrast')])
      for (const node of rule.nodes)
        found.push(`theme ${number} ${mode}: ${rule.id}: ${node.element.outerHTML.slice(0, 120)} `
          + (node.any[0]?.message ?? node.failureSummary));
    const launcher = root.querySelector('.launcher'), look = getComputedStyle(launcher);
    const icon = launcher.querySelector('svg');
    if (icon && ratio(look.backgroundColor, getComputedStyle(icon).stroke) < 4.5)
      found.push(`theme ${number} ${mode}: launcher ${look.backgroundColor}`);
    if (root.querySelector('.panel').dataset.mode !== mode) found.push(`theme ${number}: not ${mode}`);
  }
  return found;
})(); }"""
RULES = (
    "color-contrast",
    "button-name",
    "link-name",
    "aria-dialog-name",
    "aria-input-field-name",
    "aria-command-name",
    "aria-toggle-field-name",
    "empty-heading",
    "label",
    "list",
    "listitem",
    "svg-img-alt",
    "image-alt",
    "aria-required-children",
    "aria-required-parent",
    "duplicate-id-aria",
)


def answer(route: Route, *, is_broken: bool) -> None:
    """What the widget asks for."""
    path = route.request.url.removeprefix(HOME).partition("?")[0]
    start = {"session": SESSION, "session_token": "cst_x", "expires_at": NOON, "messages": MESSAGES, "has_more": False}
    if path == "/":
        route.fulfill(content_type="text/html", body=PAGE)
    elif path == "/embed/v1.js" or path.startswith("/static/widget/"):
        route.fulfill(content_type="text/javascript", body=(BUILD / Path(path).name).read_text(encoding="utf-8"))
    elif path.endswith("/config"):
        features = {"handoff": True, "languages": []}
        route.fulfill(json={"assistant": {"id": "a", "name": "Ada"}, "theme": {}, "texts": {}, "features": features})
    elif path.endswith("/sessions") and not is_broken:
        route.fulfill(status=201, json={**start, "socket_url": f"{HOME.replace('http', 'ws')}/socket"})
    elif route.request.resource_type == "image":
        route.abort()
    else:
        route.fulfill(status=500, content_type="application/problem+json", body='{"code": "internal", "title": "Oh"}')


def talk(socket: WebSocketRoute) -> None:
    """The other end of the socket: welcomes, and takes no message."""

    def hear(raw: str | bytes) -> None:
        frame = json.loads(raw)
        if frame["type"] == "hello":
            welcome = {"type": "welcome", "session": SESSION, "messages": [], "rev": len(MESSAGES), "has_more": False}
            socket.send(json.dumps(welcome))
        elif frame["type"] == "ping":
            socket.send('{"type": "pong"}')
        elif frame["type"] == "message.send":
            told = {"type": "error", "code": "invalid", "detail": "No", "client_id": frame["client_id"]}
            socket.send(json.dumps(told))

    socket.on_message(hear)


Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens the chat, each time for somebody new, in a window in which all of it can be seen at once."""
    with ExitStack() as opened:

        def arrive(*, is_broken: bool = False) -> Page:
            # As wide as the chat may be to fill the window, and so tall that nothing has to be scrolled to.
            context = browser.new_context(viewport={"width": 470, "height": 2200}, reduced_motion="reduce")
            page = opened.enter_context(closing(context)).new_page()
            page.route("**/*", lambda route: answer(route, is_broken=is_broken))
            page.route_web_socket(re.compile("/socket"), talk)
            # A tab that is not in front gets no frames.
            page.add_init_script("window.requestAnimationFrame = (draw) => setTimeout(draw)")
            page.goto(HOME)
            expect(page.get_by_role("dialog")).to_be_visible()
            page.evaluate(axe.source())
            return page

        yield arrive


def conversation(opened: Opened) -> Page:
    """A message of each kind, one that failed, one half written."""
    page = opened()
    expect(page.locator(".row.theirs")).to_have_count(6)
    field = page.get_by_role("textbox")
    field.fill("This one fails")
    field.press("Enter")
    expect(page.get_by_role("button", name="Discard")).to_be_visible()
    field.fill("Half written")
    return page


def question(opened: Opened) -> Page:
    """Whether to end, with the menu open."""
    page = opened()
    expect(page.locator(".row.theirs")).to_have_count(6)
    page.get_by_role("button", name="More options").click()
    page.get_by_role("menuitem", name="End conversation").click()
    expect(page.get_by_role("button", name="End it")).to_be_visible()
    return page


def trouble(opened: Opened) -> Page:
    """Nothing works, with a button to try again."""
    page = opened(is_broken=True)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    return page


def judged(*work: tuple[Page, list[tuple[int, Any]]]) -> list[str]:
    """What is wrong on each page under its themes, all pages at work at once."""
    judge = JUDGE.replace("RULES", json.dumps(RULES))
    for page, themes in work:
        page.evaluate(judge, themes)
    return [line for page, _ in work for line in page.evaluate("window.judged")]


def test_each_accepted_theme_can_be_read_in_both_modes_and_each_refused_one_is_refused_for_a_reason(
    opened: Opened,
) -> None:
    accepted: list[tuple[int, Any]] = []
    refused: list[tuple[Any, ThemeRefused]] = []
    for number, theme in enumerate(random_themes.themes(COUNT)):
        try:
            accepted.append((number, rules.resolved(rules.validate(theme), "en")))
        except ThemeRefused as refusal:
            refused.append((theme, refusal))
    assert len(accepted) > COUNT / 3
    assert len(refused) > COUNT / 10
    for theme, reason in refused:
        assert all(_names(path, theme) for path in reason.errors), (theme, reason.errors)
        if reason.better:
            # Whatever else is wrong with it is told beside: the colours alone pass.
            rules.validate({key: theme[key] for key in ("primaryColor",) if key in theme} | reason.better)
    one, two, asks, fails = conversation(opened), conversation(opened), question(opened), trouble(opened)
    found: list[str] = []
    for start in range(0, len(accepted), BATCH):
        some = accepted[start : start + BATCH]
        # All that takes its colour from the theme is in the conversation; the other states are seen now and then.
        found += judged((one, some[::2]), (two, some[1::2]), (asks, some[::5]), (fails, some[2::5]))
        assert len(found) < 20, "\n".join(found[:20])
    assert not found, "\n".join(found)
    print(f"{len(accepted)} of {COUNT} themes accepted, each of them read in both modes.")


def _names(path: str, theme: Any) -> bool:
    """Whether the path leads to something in the theme."""
    for key in path.split("."):
        if not isinstance(theme, dict) or key not in theme:
            return False
        theme = theme[key]
    return True


def test_what_cannot_be_read_would_be_found(opened: Opened) -> None:
    page = conversation(opened)
    page.evaluate(
        "document.querySelector('convoship-widget').shadowRoot.adoptedStyleSheets.at(-1)"
        ".insertRule('.panel .bubble, .panel .choice { color: #888 !important }')"
    )
    found = judged((page, [(0, rules.resolved({}))]))
    for mode in ("light", "dark"):
        assert [line for line in found if f'{mode}: color-contrast: <div class="bubble' in line], found
    assert [line for line in found if 'light: color-contrast: <button class="choice"' in line], found
