"""An assistant whose answers a model writes, chosen on its page, in a real browser; the rehearsal's stand-in is it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.driver import wait_for
from tests.e2e.conftest import PATIENCE, Product, Visit
from tests.e2e.visitor import Visitor

QUESTION = "Tell me of the moon over the harbour, please"


@pytest.fixture(scope="module")
def place(product: Product) -> dict[str, Any]:
    """A workspace of our own, as its assistant is changed."""
    return product.new_demo()


@pytest.fixture
def owner(product: Product, place: dict[str, Any], new_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    """Its owner's tab; nothing may go wrong in it."""
    wrong: list[str] = []
    context = new_context(base_url=product.base_url)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    page.goto("/sign-in/")
    page.get_by_label("E-mail").fill(place["email"])
    page.get_by_label("Password", exact=True).fill(place["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    yield page
    assert wrong == []


def answers_tab(page: Page, place: dict[str, Any]) -> None:
    page.goto(f"/app/assistants/{place['assistant_id']}/answers")


def choose(page: Page, place: dict[str, Any], behaviour: str) -> None:
    """Have the rehearsal's stand-in answer, in this way."""
    answers_tab(page, place)
    page.locator("label.template", has_text="Language model").click()
    if page.get_by_label("Whose it is").input_value() != "rehearsal":
        page.get_by_label("Whose it is").select_option("rehearsal")
    expect(page.locator("#llm-base_url")).to_have_value("https://model.rehearsal.invalid/v1")
    page.locator("select#llm-model").select_option(behaviour)


def save_and_publish(page: Page) -> None:
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Saved in the draft.")).to_be_visible()
    page.get_by_role("link", name="Publish in the editor").click()
    expect(page.get_by_text("Visitors are greeted with this")).to_be_visible()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text(re.compile(r"Version \d+ is live"))).to_be_visible()


def begins(visitor: Visitor, words: str) -> None:
    """Wait until an answer is being written that begins like this, and is not whole."""
    wait_for("words", lambda: str(visitor.heard.last.inner_text()).startswith(words), seconds=20)


def test_a_model_is_tested_tried_and_published_and_a_visitor_reads_along(
    owner: Page, place: dict[str, Any], visit: Visit
) -> None:
    choose(owner, place, "stand-in")
    owner.get_by_role("button", name="Save and test").click()
    sounded = owner.locator("#sounded")
    expect(sounded).to_contain_text("It answers.")
    expect(sounded).to_contain_text("tokens read")
    choose(owner, place, "stand-in-slow")
    save_and_publish(owner)

    owner.goto(f"/app/assistants/{place['assistant_id']}/try")
    owner.get_by_label("What a visitor says").fill(QUESTION)
    owner.keyboard.press("Enter")
    live = owner.locator(".try-live")
    expect(live).to_contain_text("You said: “Tell")
    expect(live).not_to_contain_text("enough.")
    owner.get_by_role("button", name="Stop").click()
    expect(live).to_have_count(0)
    stopped = owner.locator("[data-try-turns] > [data-turn='0']")
    for said in ("You said: “Tell", "Stopped", "stand-in-slow", "the first words after"):
        expect(stopped).to_contain_text(said)
    expect(stopped).not_to_contain_text("enough.")
    expect(owner.get_by_label("What a visitor says")).to_have_value("")

    visitor = visit(str(place["demo_page"])).chat()
    visitor.is_connected()
    visitor.say(QUESTION)
    begins(visitor, "You said: “Tell me")
    assert "enough." not in visitor.heard.last.inner_text()
    visitor.sees("when you have tried enough.")

    owner.goto(f"/app/conversations/{visitor.conversation_id}/")
    expect(owner.get_by_text("stand-in-slow").first).to_be_attached()


def test_a_broken_key_turns_it_red_and_the_script_answers(owner: Page, place: dict[str, Any], visit: Visit) -> None:
    choose(owner, place, "stand-in-key")
    save_and_publish(owner)
    visitor = visit(str(place["demo_page"])).chat()
    visitor.say("Where is my order?")
    expect(visitor.heard).to_have_count(2)
    expect(visitor.heard.last).to_contain_text(re.compile("order", re.IGNORECASE))
    expect(visitor.heard.last).not_to_contain_text("stand in")
    is_red = owner.get_by_text("Doesn't answer")
    wait_for("red", lambda: owner.goto("/app/assistants/") and is_red.count() == 1)
    expect(owner.get_by_text("does not accept the key")).to_be_visible()
    answers_tab(owner, place)
    expect(owner.get_by_text("does not accept the key")).to_be_visible()
    choose(owner, place, "stand-in")
    save_and_publish(owner)
    answers_tab(owner, place)
    owner.get_by_role("button", name="Save and test").click()
    expect(owner.locator("#sounded")).to_contain_text("It answers.")
    expect(owner.get_by_text("Doesn't answer")).to_have_count(0)
