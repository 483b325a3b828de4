"""An answer that comes word by word: stopped, cut by a restart, read on by the next page, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.driver import wait_for
from tests.e2e.conftest import Product, Visit
from tests.e2e.test_inbox import live_page
from tests.e2e.thinking import Thinking, grows, running, shown
from tests.e2e.visitor import Visitor
from tests.models.model_end import counts_up_to, words

NO_SOCKETS = "window.WebSocket = class { constructor() { throw new DOMException('blocked', 'SecurityError') } };"
SLOW = "count 600 60"


@pytest.fixture(scope="module")
def counting(product: Product) -> Iterator[Thinking]:
    """A workspace whose model counts."""
    with running(product) as thinking:
        yield thinking


@pytest.fixture
def chat(counting: Thinking, visit: Visit) -> Visitor:
    """A visitor who is in the chat."""
    visitor = visit(counting.page).chat()
    visitor.is_connected()
    return visitor


def ended(counting: Thinking, conversation_id: str) -> tuple[Any, ...]:
    """How the last message was answered: status, reason, what it was stopped by, attempts."""
    turn = counting.turn(conversation_id)
    assert turn.trace.get("model") == "test-model", turn.trace
    return turn.status, turn.reason, turn.trace.get("stopped"), turn.attempts


def test_a_visitor_stops_an_answer_by_keyboard_and_keeps_what_was_shown(counting: Thinking, chat: Visitor) -> None:
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
    assert ended(counting, chat.conversation_id) == ("done", "Stopped by the visitor.", "visitor", 1)
    assert counting.model.left.wait(5), "the model is not asked for the rest"
    assert counting.program.said(chat.conversation_id, "assistant")[-1].strip() == kept, (
        "what is kept is what was shown"
    )
    chat.ask("still there", "You said: still there")
    chat.page.reload()
    chat.open().sees("Stopped")
    assert chat.heard.nth(1).inner_text() == kept


def test_the_next_page_shows_the_answer_so_far_and_the_rest(counting: Thinking, chat: Visitor) -> None:
    chat.say("count 120 50")
    grows(chat)
    before = shown(chat)
    chat.page.reload()
    chat.open()
    grows(chat, len(before) - 1)
    expect(chat.heard.last).to_have_text(words(120).strip(), timeout=60_000)
    expect(chat.panel.locator(".send")).to_have_attribute("aria-label", "Send")
    assert ended(counting, chat.conversation_id) == ("done", "", None, 1)


def test_without_sockets_the_answer_comes_as_a_stream(
    counting: Thinking, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = visit(counting.page, script=NO_SOCKETS).chat()
    with visitor.page.expect_request(lambda request: "/stream?" in request.url, timeout=60_000):
        pass
    visitor.is_connected()
    gate = threading.Event()
    monkeypatch.setattr(counting.model, "answers", counts_up_to(40, gate))
    visitor.say("count 60 50")
    grows(visitor)
    expect(visitor.panel.locator(".send")).to_have_attribute("aria-label", "Stop")
    gate.set()
    expect(visitor.heard.last).to_have_text(words(60).strip(), timeout=60_000)
    visitor.say(SLOW)
    grows(visitor)
    visitor.tap("Stop")
    visitor.sees("Stopped")


def test_a_restart_in_mid_answer_leaves_it_visibly_cut_and_answers_once(
    counting: Thinking, chat: Visitor, new_context: Callable[..., BrowserContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = counting.sign_in(new_context(base_url=counting.product.base_url))
    # It is still in the middle when the server ends, however long the owner's page takes.
    gate = threading.Event()
    monkeypatch.setattr(counting.model, "answers", counts_up_to(60, gate))
    chat.say("count 100 40")
    grows(chat)
    with live_page(owner):
        owner.goto(f"/app/conversations/{chat.conversation_id}/")
    lines = owner.get_by_role("log", name="Transcript").locator(".line.ours")
    expect(lines.last).to_contain_text("is being written")
    # As a new release does it: who gives the answer ends, and the web server that shows it.
    counting.product.end("answers", "web")
    gate.set()
    # The half text says that it was cut, to both who look on, and the whole one follows once.
    expect(chat.panel.get_by_text("Cut off", exact=True)).to_have_count(1)
    expect(chat.heard.last).to_have_text(words(100).strip(), timeout=60_000)
    expect(chat.heard).to_have_count(3)
    half = chat.heard.nth(1).inner_text()
    assert words(100).startswith(half)
    assert half != words(100).strip()
    expect(lines).to_have_count(3)
    expect(lines.nth(1)).to_contain_text("Cut off The answer was cut off while being written.")
    expect(lines.nth(1).locator(".bubble")).to_have_text(half)
    expect(lines.nth(2).locator(".bubble")).to_have_text(words(100).strip())
    expect(owner.get_by_text("Cut off", exact=True)).to_have_count(1)
    assert [it.strip() for it in counting.program.said(chat.conversation_id, "assistant")[1:]] == [
        half,
        words(100).strip(),
    ]
    assert ended(counting, chat.conversation_id) == ("done", "", None, 2)


def test_a_restart_of_the_web_server_alone_leaves_the_answer_whole_and_once(
    counting: Thinking, chat: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(counting.model, "answers", counts_up_to(60, gate))
    chat.say("count 100 40")
    grows(chat)
    counting.product.end("web")
    # Another process gives the answer, and goes on; the rest is told to who comes back.
    gate.set()
    expect(chat.heard.last).to_have_text(words(100).strip(), timeout=60_000)
    expect(chat.heard).to_have_count(2)
    expect(chat.panel.get_by_text("Cut off", exact=True)).to_have_count(0)
    assert [it.strip() for it in counting.program.said(chat.conversation_id, "assistant")[1:]] == [words(100).strip()]
    assert ended(counting, chat.conversation_id) == ("done", "", None, 1)


def test_reset_ends_the_answer_at_once_and_leaving_ends_it_soon(counting: Thinking, chat: Visitor) -> None:
    chat.say(SLOW)
    grows(chat)
    conversation_id = chat.conversation_id
    chat.js("Convoship.reset()")
    wait_for("it is stopped", lambda: counting.turn(conversation_id).trace.get("stopped") == "visitor", seconds=15)
    chat.hears("What can I do for you?")
    chat.is_connected()
    chat.say(SLOW)
    grows(chat)
    conversation_id = chat.conversation_id
    chat.page.goto("about:blank")
    wait_for("it is cut", lambda: counting.turn(conversation_id).trace.get("stopped") == "left", seconds=40)
