"""The chat over reloads, second tabs, other hosts, killed servers, lost networks and too much haste."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.visitor import WELCOME, plain_snippet

ORDER, HOURS = "tracking link", "Monday to Friday"


def test_the_script_may_come_from_another_host_than_the_api(
    product: Product, demo: dict[str, Any], visit: Visit
) -> None:
    other = product.base_url.replace("127.0.0.1", "localhost")
    asked: list[str] = []
    visitor = visit()
    visitor.page.on("request", lambda request: asked.append(request.url))
    snippet = plain_snippet(product.base_url, demo["assistant_id"], demo["deployment_token"], script_url=other)
    visitor.goto(product.page_with(snippet))
    visitor.chat().ask("when are you open", HOURS)
    scripts = [url for url in asked if re.search(r"\.js(\?|$)", url)]
    calls = [url for url in asked if "/v1/" in url]
    assert scripts
    assert all(url.startswith(other) for url in scripts)
    assert calls
    assert all(url.startswith(product.base_url) for url in calls)


def test_the_history_is_there_after_a_reload(shop: str, visit: Visit, program: Program) -> None:
    visitor = visit(shop).chat()
    visitor.ask("where is my order", ORDER)
    before = visitor.conversation_id
    visitor.field.fill("half a thought")
    visitor.page.reload()
    visitor.open()
    visitor.hears(ORDER)
    expect(visitor.said).to_have_text(["where is my order"])
    expect(visitor.heard).to_have_count(2)
    expect(visitor.field).to_have_value("half a thought")
    assert visitor.conversation_id == before
    visitor.ask("when are you open", HOURS)
    assert program.said(before) == ["where is my order", "when are you open"]


def test_the_steps_in_a_cards_text_are_a_list(shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    visitor.tap("Returns")
    visitor.hears("How to return an item")
    steps = visitor.panel.locator(".card-text ol > li").all_inner_texts()
    assert [step.split()[0] for step in steps] == ["Write", "Stick", "Hand"]
    assert "Your money is back" in visitor.panel.locator(".card-text p").inner_text()


def test_two_tabs_are_in_one_conversation(shop: str, visit: Visit) -> None:
    first = visit(shop).chat()
    first.ask("where is my order", ORDER)
    second = visit(shop, context=first.page.context)
    second.open()
    second.hears(ORDER)
    assert second.conversation_id == first.conversation_id
    second.ask("when are you open", HOURS)
    first.hears(HOURS)
    for tab in (first, second):
        expect(tab.said).to_have_text(["where is my order", "when are you open"])


def test_a_killed_server_costs_no_message_and_doubles_none(
    product: Product, shop: str, visit: Visit, program: Program
) -> None:
    visitor = visit(shop).chat()
    visitor.ask("where is my order", ORDER)
    visitor.is_connected()
    # Killed with these on their way, stored or not, answered or not.
    for text in ("one", "two"):
        visitor.say(text)
    product.kill_web()
    expect(visitor.banner).to_have_text("Connection lost. Reconnecting…")
    visitor.say("when are you open")
    visitor.sees("Sending…")
    product.wait_web()
    visitor.hears(HOURS, timeout=60_000)
    visitor.is_connected()
    expect(visitor.banner).to_have_text("", timeout=60_000)
    visitor.ask("how much is shipping", "Express")

    everything = ["where is my order", "one", "two", "when are you open", "how much is shipping"]
    expect(visitor.said).to_have_text(everything)
    assert program.said(visitor.conversation_id) == everything
    messages = program.messages(visitor.conversation_id)
    assert sorted(message["seq"] for message in messages) == list(range(1, len(messages) + 1))
    # One welcome, one answer to each.
    assert len(program.said(visitor.conversation_id, "assistant")) == 1 + len(everything)
    expect(visitor.heard).to_have_count(1 + len(everything))
    # It came back with pauses between its tries, not in a storm.
    assert len(visitor.sockets) < 15


def test_who_loses_the_network_is_told_and_goes_on_when_it_is_back(shop: str, visit: Visit, program: Program) -> None:
    visitor = visit(shop).chat()
    visitor.is_connected()
    visitor.page.context.set_offline(True)
    expect(visitor.banner).to_contain_text("You’re offline. You can keep writing")
    visitor.say("when are you open")
    expect(visitor.said).to_have_text(["when are you open"])
    visitor.page.context.set_offline(False)
    visitor.hears(HOURS, timeout=60_000)
    expect(visitor.banner).to_have_text("", timeout=60_000)
    expect(visitor.said).to_have_text(["when are you open"])
    assert program.said(visitor.conversation_id) == ["when are you open"]


def test_an_api_that_cannot_be_reached_is_said_with_a_way_on(shop: str, visit: Visit) -> None:
    visitor = visit()
    visitor.page.route("**/v1/public/runtime/**", lambda route: route.abort())
    visitor.goto(shop)
    visitor.open()
    visitor.sees("We can’t be reached right now")
    visitor.page.unroute("**/v1/public/runtime/**")
    visitor.panel.get_by_role("button", name="Try again").click()
    visitor.hears(WELCOME)


def test_who_writes_too_fast_is_told_kindly_and_everything_arrives(shop: str, visit: Visit, program: Program) -> None:
    visitor = visit(shop).chat()
    visitor.is_connected()
    everything = [f"line {number}" for number in range(23)]
    for text in everything:
        visitor.say(text)
    visitor.sees("A little fast: sending in")
    expect(visitor.panel.locator(".row.pending")).to_have_count(0, timeout=60_000)
    expect(visitor.said).to_have_text(everything)
    assert Counter(program.said(visitor.conversation_id)) == Counter(everything)
    assert program.said(visitor.conversation_id) == everything


def test_a_start_that_is_refused_for_haste_says_when_it_goes_on(shop: str, visit: Visit) -> None:
    visitor = visit()

    def busy(route: Any) -> None:
        headers = {
            "Retry-After": "2",
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "Retry-After",
        }
        body = {"status": 429, "code": "rate_limited", "title": "Too many requests", "detail": "Try again in 2 s."}
        route.fulfill(status=429, headers=headers, content_type="application/problem+json", json=body)

    visitor.page.route("**/v1/public/runtime/sessions", busy, times=2)
    visitor.goto(shop)
    visitor.open()
    visitor.sees("A lot is going on right now")
    # By itself, after the time that the server named.
    visitor.hears(WELCOME)


@pytest.mark.parametrize("guarded", [True, False], ids=["copied snippet", "plain snippet"])
def test_a_blocked_script_leaves_the_page_unharmed(
    guarded: bool, product: Product, demo: dict[str, Any], newcomer: Page
) -> None:
    uncaught: list[str] = []
    console: list[str] = []
    newcomer.on("pageerror", lambda error: uncaught.append(str(error)))
    newcomer.on("console", lambda line: console.append(line.text))
    newcomer.route("**/embed/v1.js", lambda route: route.abort())
    snippet = plain_snippet(product.base_url, demo["assistant_id"], demo["deployment_token"])
    newcomer.goto(demo["demo_page"] if guarded else product.page_with(snippet))
    expect(newcomer.get_by_role("heading", name="Good things for bad weather")).to_be_visible()
    expect(newcomer.locator("convoship-widget")).to_have_count(0)
    assert [line for line in console if "Failed to load resource" not in line] == []
    # Without the guard it is the page's own line that finds no queue; with it there is nothing to see at all.
    assert uncaught == ([] if guarded else ["ConvoshipQueue is not defined"])


def test_an_app_that_cannot_be_loaded_leaves_the_page_unharmed(shop: str, visit: Visit) -> None:
    visitor = visit()
    visitor.page.route("**/static/widget/**", lambda route: route.abort())
    visitor.goto(shop)
    visitor.launcher.click()
    expect(visitor.host.locator(".badge")).to_have_text("!")
    assert any("app_not_loaded" in line for line in visitor.our_errors)
    visitor.page.unroute("**/static/widget/**")
    visitor.chat()
