"""A bot of the customer's own, set on the tab Answers in a real browser: its secret, a test, *Try it*, a visitor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks.webhooks import Webhook

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.test_accessible import is_fit
from tests.e2e.test_models import answers_tab, begins, owner, place, save_and_publish  # noqa: F401 (fixtures)
from tests.models.bot_end import BotEnd, Sends, event, running, streams


@pytest.fixture
def bot(product: Product) -> Iterator[BotEnd]:
    """A bot where the product may call it."""
    with running(product.far_port) as end:
        yield end


def in_pieces() -> tuple[Sends, threading.Event]:
    """A stream that stops after its first words until it is let go."""
    gate = threading.Event()
    pieces = [event("token", {"text": "Your parcel "}), event("token", {"text": "is on its way."}), event("done")]
    return streams(*pieces, gates={1: gate}), gate


def test_a_bot_is_set_tested_and_tried_and_a_visitor_reads_along(
    owner: Page,  # noqa: F811
    place: dict[str, Any],  # noqa: F811
    bot: BotEnd,
    visit: Visit,
) -> None:
    answers_tab(owner, place)
    owner.locator("label.template", has_text="Webhook").click()
    owner.get_by_label("Answer begins within").fill("ninety")
    owner.get_by_role("button", name="Save and test").click()
    expect(owner.get_by_text("Give the bot's address")).to_be_visible()
    expect(owner.get_by_text("A whole number from 1 to 30.")).to_be_visible()
    is_fit(owner, "a bot's form with mistakes")
    owner.get_by_label("Answer begins within").fill("20")
    owner.locator("#webhook-url").fill(bot.url)
    owner.get_by_role("button", name="Save and test").click()
    secret = owner.locator("#secret").inner_text().strip()
    assert (secret[:6], bot.asked) == ("whsec_", [])
    is_fit(owner, "a bot's secret")
    owner.get_by_role("button", name="Test it now").click()
    expect(owner.locator("#sounded")).to_contain_text("It answers. “Hello.”")
    Webhook(secret).verify(bot.asked[0].raw, dict(bot.asked[0].headers))
    assert secret not in owner.content()
    expect(owner.get_by_text(f"whsec_…{secret[-4:]}")).to_be_visible()

    plan, gate = in_pieces()
    bot.script(plan)
    owner.goto(f"/app/assistants/{place['assistant_id']}/try")
    owner.get_by_label("What a visitor says").fill("Where is my parcel?")
    owner.keyboard.press("Enter")
    live = owner.locator(".try-live")
    expect(live).to_contain_text("Your parcel")
    expect(live).not_to_contain_text("on its way")
    gate.set()
    expect(owner.get_by_text("Your parcel is on its way.", exact=True)).to_be_visible()
    expect(owner.get_by_text("Answered by the bot at 127.0.0.1", exact=True)).to_be_visible()

    answers_tab(owner, place)
    save_and_publish(owner)
    plan, gate = in_pieces()
    bot.script(plan)
    visitor = visit(str(place["demo_page"])).chat()
    visitor.is_connected()
    visitor.say("Where is my parcel?")
    begins(visitor, "Your parcel")
    assert "on its way" not in visitor.heard.last.inner_text()
    gate.set()
    visitor.sees("Your parcel is on its way.")


def test_a_bot_that_is_down_is_red_and_one_button_asks_it_again(
    owner: Page,  # noqa: F811
    place: dict[str, Any],  # noqa: F811
    product: Product,
) -> None:
    editor, path = f"/app/assistants/{place['assistant_id']}/", f"/assistants/{place['assistant_id']}"
    there = {"responder": "webhook", "webhook": {"url": f"http://127.0.0.1:{product.far_port}/"}}
    Program(place).call("PATCH", path, there)
    Program(place).call("POST", f"{path}/publish", {})
    answers_tab(owner, place)
    owner.get_by_role("button", name="Save and test").click()
    expect(owner.locator("#sounded")).to_contain_text("whether the bot runs")
    owner.goto(editor)
    expect(owner.get_by_text("Doesn't answer")).to_be_visible()
    with running(product.far_port):
        owner.get_by_role("button", name="Ask it again").click()
        expect(owner.locator("#sounded")).to_contain_text("It answers.")
    owner.goto(editor)
    expect(owner.get_by_text("Doesn't answer")).to_have_count(0)
