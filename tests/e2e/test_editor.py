"""The assistant's editor: a script built by keyboard alone, saved by itself, and met in the real widget."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program

SAVED = re.compile(r"Saved a moment ago")


@pytest.fixture
def assistant_id(program: Program) -> str:
    """An assistant of one's own, which says nothing but its welcome yet."""
    made = program.call("POST", "/assistants", {"name": "Kai", "scripted": {"welcome": {"text": "Ahoy!"}}})
    return str(made["id"])


def state(page: Page) -> Locator:
    return page.locator("[data-state]")


def draft(program: Program, assistant_id: str) -> Any:
    return program.call("GET", f"/assistants/{assistant_id}")["scripted"]


def tab_to(page: Page, place: Locator, key: str = "Tab") -> None:
    """Press Tab until the focus is there."""
    for _ in range(80):
        page.keyboard.press(key)
        if place.evaluate("(it) => it === document.activeElement"):
            return
    raise AssertionError(f"the focus never comes to {place}")


def press(page: Page, button: Locator) -> None:
    """Go to a button by Tab, and press it."""
    tab_to(page, button)
    page.keyboard.press("Enter")


def test_a_script_built_by_keyboard_alone_is_met_in_the_widget(
    assistant_id: str, product: Product, program: Program, member: Page, visit: Visit
) -> None:
    page = member
    page.goto(f"/app/assistants/{assistant_id}/")
    press(page, page.get_by_role("button", name="Add an intent"))
    page.keyboard.type("Order")
    intent = page.locator("details.intent").last
    tab_to(page, intent.get_by_label("What visitors say"))
    page.keyboard.type("order tea\ni want some tea\ntea please")

    press(page, intent.get_by_role("button", name="Add a question"))
    question = intent.locator("details.question")
    page.keyboard.type("size")
    expect(question.get_by_role("group", name="Choices")).to_be_hidden()
    tab_to(page, question.get_by_label("Kind of answer"))
    page.keyboard.type("A ch")
    tab_to(page, question.get_by_label("What it asks"))
    page.keyboard.type("Which size?")
    for label in ("Small", "Large"):
        press(page, question.get_by_role("button", name="Add a choice"))
        page.keyboard.type(label)
        expect(question.get_by_label("Choice", exact=True).last).to_have_value(label)

    tab_to(page, intent.get_by_label("Answer", exact=True))
    page.keyboard.type("{{size}} it is. These we have:")
    answer = intent.locator(".answer")
    press(page, answer.get_by_role("button", name="Add a carousel"))
    page.keyboard.type("Green tea")
    press(page, answer.get_by_role("button", name="Another card"))
    page.keyboard.type("Black tea")
    tab_to(page, answer.get_by_role("button", name="Move up: card 2 “Black tea”"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(answer.get_by_role("button", name="Move up: card 1 “Black tea”")).to_be_focused()

    # It saves by itself, and another page shows it.
    expect(state(page)).to_have_text(SAVED)
    page.reload()
    expect(page.locator("details.intent").get_by_text("1 question", exact=True)).to_be_visible()
    (order,) = draft(program, assistant_id)["intents"]
    assert order["ask"][0]["choices"] == [{"label": "Small"}, {"label": "Large"}]
    assert [card["title"] for card in order["answers"][0]["blocks"][0]["cards"]] == ["Black tea", "Green tea"]

    page.keyboard.press("Control+s")
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    press(page, page.get_by_role("button", name="Publish"))
    expect(state(page)).to_contain_text("Visitors meet this: version 1.")

    made = program.call(
        "POST",
        f"/assistants/{assistant_id}/deployments",
        {"name": "Tea", "allowed_origins": [product.stranger_url]},
    )
    visitor = visit(product.page_with(made["embed_snippet"])).open()
    visitor.hears("Ahoy!")
    visitor.ask("i want tea", "Which size?")
    visitor.tap("Small")
    visitor.hears("Small it is. These we have:")
    visitor.sees("Green tea")
    visitor.sees("Black tea")


def test_what_is_typed_survives_faults_reloads_lost_connections_and_colleagues(
    assistant_id: str, program: Program, member: Page
) -> None:
    page = member
    page.goto(f"/app/assistants/{assistant_id}/")
    welcome = page.get_by_role("region", name="Welcome").get_by_label("Welcome", exact=True)

    # Not valid yet: kept as it was typed, also for who leaves at once.
    welcome.fill("")
    expect(state(page)).to_contain_text("Kept as typed: 1 thing to mend before it can be published.")
    state(page).get_by_role("link", name="Welcome").click()
    expect(welcome).to_be_focused()
    # At its field once that is left, and gone with the mistake, without a reload.
    welcome.blur()
    expect(welcome).to_have_attribute("aria-invalid", "true")
    expect(welcome).to_have_accessible_description(re.compile("must not be empty"))
    welcome.fill("Ahoy!")
    expect(state(page)).to_have_text(SAVED)
    expect(welcome).not_to_have_attribute("aria-invalid", "true")
    welcome.fill("")
    expect(state(page)).to_contain_text("Kept as typed")
    page.get_by_role("button", name="Add an intent").click()
    page.get_by_label("Name", exact=True).last.fill("Half an int")
    page.reload()
    expect(page.locator("details.intent h3")).to_have_text("Half an int")
    expect(page.get_by_role("alert")).to_contain_text("Kept as it was typed")
    assert draft(program, assistant_id)["welcome"]["text"] == "Ahoy!"

    # Without a connection it says so, and saves once there is one.
    page.context.set_offline(True)
    welcome.fill("Hello from the train")
    # It is open, for it lacks phrases and an answer.
    page.get_by_label("What visitors say").fill("half of it")
    page.get_by_label("Answer", exact=True).fill("Yes")
    expect(state(page)).to_have_text("Not saved: no connection. Trying again.")
    page.context.set_offline(False)
    expect(state(page)).to_have_text(SAVED)
    assert draft(program, assistant_id)["welcome"]["text"] == "Hello from the train"

    # A server that is away takes nothing with it when somebody presses a button.
    page.route("**/autosave", lambda route: route.abort())
    page.route("**/save", lambda route: route.abort())
    welcome.fill("Hello from the tunnel")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(state(page)).to_have_text("Not saved: no connection. Trying again.")
    expect(welcome).to_have_value("Hello from the tunnel")
    page.unroute_all()
    expect(state(page)).to_have_text(SAVED)
    assert draft(program, assistant_id)["welcome"]["text"] == "Hello from the tunnel"

    # A colleague's change is not overwritten, and nothing typed here is lost.
    program.call("PATCH", f"/assistants/{assistant_id}", {"scripted": {"welcome": {"text": "Theirs"}}})
    welcome.fill("Mine")
    expect(page.get_by_text("The draft was changed elsewhere while you were writing.")).to_be_visible()
    assert draft(program, assistant_id)["welcome"]["text"] == "Theirs"
    page.get_by_role("button", name="Save mine over it").click()
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    expect(welcome).to_have_value("Mine")
    assert draft(program, assistant_id)["welcome"]["text"] == "Mine"
