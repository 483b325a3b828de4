"""An answer that comes word by word: stopped, cut by a restart, read on by the next page, in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from convoship.machine import ports
from tests.driver import Up, clean_environment, wait_for
from tests.e2e.conftest import VISITS, Product, Visit
from tests.e2e.visitor import Visitor
from tests.streaming.counting import words

_PUBLISH = """
from uuid import UUID
from tests.streaming.counting import publish
publish(UUID({workspace_id!r}), UUID({assistant_id!r}))
"""
_TURN = """
import json
from uuid import UUID
from convoship.lib.tenancy import tenant
from deployments.models import Turn
with tenant(UUID({workspace_id!r})):
    turn = Turn.objects.filter(conversation_id=UUID({conversation_id!r})).latest("seq")
    print("TURN " + json.dumps([turn.status, turn.reason, turn.trace, turn.attempts]))
"""
NO_SOCKETS = "window.WebSocket = class { constructor() { throw new DOMException('blocked', 'SecurityError') } };"
SLOW = "count 600 60"


@pytest.fixture(scope="module")
def counting() -> Iterator[Product]:
    """The product with a responder that streams."""
    base = Path(tempfile.mkdtemp(prefix="convoship-e2e-"))
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)
    more = {**VISITS, "DJANGO_SETTINGS_MODULE": "tests.streaming.settings"}
    up = Up(base / "local", environment=clean_environment(PORT=str(ports.free()), **more))
    try:
        product = Product(up.is_up(), 0)
        product.manage("shell", "-c", _PUBLISH.format(**product.demo))
        yield product
    finally:
        up.close()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def chat(counting: Product, visit: Visit) -> Visitor:
    """A visitor who is in the chat."""
    visitor = visit(str(counting.demo["demo_page"])).chat()
    visitor.is_connected()
    return visitor


def turn(product: Product, conversation_id: str) -> list[Any]:
    """How the conversation's last message was answered: status, reason, trace, attempts."""
    code = _TURN.format(workspace_id=product.demo["workspace_id"], conversation_id=conversation_id)
    line = next(line for line in product.manage("shell", "-c", code).splitlines() if line.startswith("TURN "))
    found: list[Any] = json.loads(line[5:])
    return found


def shown(visitor: Visitor) -> str:
    """The newest answer, as it is read."""
    return str(visitor.heard.last.inner_text())


def grows(visitor: Visitor, beyond: int = 20) -> None:
    """Wait until so much of an answer is seen."""
    wait_for("words", lambda: shown(visitor).startswith("w0") and len(shown(visitor)) > beyond, seconds=20)


def test_a_visitor_stops_an_answer_by_keyboard_and_keeps_what_was_shown(counting: Product, chat: Visitor) -> None:
    button = chat.panel.locator(".send")
    expect(button).to_have_attribute("aria-label", "Send")
    chat.say(SLOW)
    expect(button).to_have_attribute("aria-label", "Stop")
    grows(chat)
    chat.field.press("Enter")
    chat.field.fill("a word in between")
    expect(button).to_have_attribute("aria-label", "Send")
    chat.field.fill("")
    expect(button).to_have_attribute("aria-label", "Stop")
    chat.field.press("Tab")
    expect(chat.focused()).to_have_attribute("aria-label", "Stop")
    chat.page.keyboard.press("Enter")
    chat.sees("Stopped")
    expect(button).to_have_attribute("aria-label", "Send")
    expect(chat.focused()).to_have_attribute("name", "message")
    kept = shown(chat)
    assert words(600).startswith(kept)
    assert turn(counting, chat.conversation_id)[:3] == ["done", "Stopped by the visitor.", {"stopped": "visitor"}]
    chat.ask("still there", "You said: still there")
    chat.page.reload()
    chat.open().sees("Stopped")
    assert chat.heard.nth(1).inner_text() == kept


def test_the_next_page_shows_the_answer_so_far_and_the_rest(counting: Product, chat: Visitor) -> None:
    chat.say("count 120 50")
    grows(chat)
    before = shown(chat)
    chat.page.reload()
    chat.open()
    grows(chat, len(before) - 1)
    expect(chat.heard.last).to_have_text(words(120).strip(), timeout=30_000)
    expect(chat.panel.locator(".send")).to_have_attribute("aria-label", "Send")
    assert turn(counting, chat.conversation_id) == ["done", "", {}, 1]


def test_without_sockets_the_answer_comes_as_a_stream(counting: Product, visit: Visit) -> None:
    visitor = visit(str(counting.demo["demo_page"]), script=NO_SOCKETS).chat()
    with visitor.page.expect_request(lambda request: "/stream?" in request.url, timeout=30_000):
        pass
    visitor.is_connected()
    visitor.say("count 60 50")
    grows(visitor)
    expect(visitor.panel.locator(".send")).to_have_attribute("aria-label", "Stop")
    expect(visitor.heard.last).to_have_text(words(60).strip(), timeout=30_000)
    visitor.say(SLOW)
    grows(visitor)
    visitor.tap("Stop")
    visitor.sees("Stopped")


def test_a_restart_in_mid_answer_leaves_it_visibly_cut_and_answers_once(counting: Product, chat: Visitor) -> None:
    chat.say("count 150 40")
    grows(chat)
    counting.restart_web()
    chat.is_connected()
    # The lease of who was killed runs out; the half text says that it was cut, and the whole one follows once.
    expect(chat.panel.get_by_text("Stopped", exact=True)).to_have_count(1, timeout=60_000)
    expect(chat.heard.last).to_have_text(words(150).strip(), timeout=60_000)
    assert chat.heard.count() == 3
    assert words(150).startswith(chat.heard.nth(1).inner_text())
    assert turn(counting, chat.conversation_id) == ["done", "", {}, 2]


def test_reset_ends_the_answer_at_once_and_leaving_ends_it_soon(counting: Product, chat: Visitor) -> None:
    chat.say(SLOW)
    grows(chat)
    conversation_id = chat.conversation_id
    chat.js("Convoship.reset()")
    wait_for("it is stopped", lambda: turn(counting, conversation_id)[2] == {"stopped": "visitor"}, seconds=15)
    chat.hears("What can I do for you?")
    chat.is_connected()
    chat.say(SLOW)
    grows(chat)
    conversation_id = chat.conversation_id
    chat.page.goto("about:blank")
    wait_for("it is cut", lambda: turn(counting, conversation_id)[2] == {"stopped": "left"}, seconds=40)
