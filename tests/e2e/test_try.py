"""Try it and the Tests page in a browser: a booking by keyboard, a test case of what was said, publishing by it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Product


def make_booking(page: Page) -> None:
    page.goto("/app/assistants/new")
    page.get_by_role("textbox", name="Name").fill("Bo")
    page.get_by_text("Booking", exact=False).first.click()
    page.get_by_role("button", name="Make the assistant").click()
    expect(page.get_by_role("heading", name="Bo", level=1)).to_be_visible()


def type_line(page: Page, words: str) -> Locator:
    """Write as a visitor with the keyboard alone; the turn that it makes."""
    turns = page.locator("[data-try-turns] > [data-turn]")
    before = turns.count()
    expect(page.get_by_label("What a visitor says")).to_be_focused()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(turns).to_have_count(before + 1)
    expect(page.get_by_label("What a visitor says")).to_have_value("")
    return turns.last


def test_a_booking_by_keyboard_and_a_test_case_that_holds_publishing_back(product: Product, member: Page) -> None:
    errors: list[str] = []
    member.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    member.on("pageerror", lambda error: errors.append(str(error)))
    make_booking(member)
    member.get_by_role("link", name="Try it").click()
    expect(member.get_by_role("heading", name="Try it")).to_be_visible()
    member.get_by_label("What a visitor says").focus()

    turn = type_line(member, "id like to make an apointment")
    expect(turn).to_contain_text("Understood as “Book”")
    expect(turn).to_contain_text(re.compile(r"0\.\d\d of 0\.50 needed"))
    # Back to the buttons that the answer offers, and press one.
    turn.get_by_role("button", name="Check-up").focus()
    member.keyboard.press("Enter")
    turn = member.locator("[data-turn='1']")
    expect(turn).to_contain_text("Answers the question for “service”")
    expect(member.locator("[data-try-told]")).to_contain_text("Which day suits you?")
    member.get_by_label("What a visitor says").focus()
    expect(type_line(member, "some day")).to_contain_text("No answer to the question:")
    expect(member.locator("[data-try-told]")).to_contain_text("No answer to the question:")
    expect(member.locator("[data-try-told]")).not_to_contain_text("..")
    expect(type_line(member, "2031-03-04")).to_contain_text("Asks for")
    type_line(member, "3")
    type_line(member, "Ada <b>")
    turn = type_line(member, "+49 30 901820")
    expect(turn).to_contain_text("Ada <b>")
    expect(turn.locator(".try-facts")).to_contain_text("people 3")
    expect(type_line(member, "yes")).to_contain_text("Here it would ask for a person.")

    # The page ends where it is seen to end, however long the talk is.
    page_end = "document.querySelector('main').getBoundingClientRect().bottom + scrollY"
    assert abs(member.evaluate(f"document.documentElement.scrollHeight - ({page_end})")) < 1

    # The server away: what was typed stays, and goes with the next try.
    member.context.set_offline(True)
    member.keyboard.type("who won the match")
    member.keyboard.press("Enter")
    expect(member.get_by_role("alert")).to_contain_text("the server can't be reached")
    expect(member.get_by_label("What a visitor says")).to_have_value("who won the match")
    member.context.set_offline(False)
    errors.clear()
    member.keyboard.press("Enter")
    turn = member.locator("[data-turn='8']")
    expect(turn).to_contain_text("Not understood")

    # It should mean something: a test case that fails.
    turn.get_by_role("button", name="Add as test case").click()
    choice = member.get_by_label("Should mean")
    expect(choice).to_be_focused()
    expect(choice).to_have_value("")
    choice.select_option(label="Opening hours")
    turn.get_by_role("button", name="Add the test case").click()
    expect(turn).to_contain_text("Test case: should mean Opening hours")
    assert errors == []

    member.get_by_role("link", name="Tests").click()
    expect(member.get_by_role("heading", name="5 of 6 test cases pass (83 %)")).to_be_visible()
    expect(member.locator("tbody tr").first).to_contain_text("Fails")
    # A tab that was open before the threshold still offers to publish: it is held back, with the way out beside it.
    earlier = member.context.new_page()
    earlier.goto(member.url)
    member.get_by_label("Per cent that have to pass").fill("100")
    member.keyboard.press("Enter")
    expect(member.get_by_text("100 % are needed, so it is not published")).to_be_visible()
    earlier.get_by_role("button", name="Publish", exact=True).click()
    expect(earlier.get_by_role("alert")).to_contain_text("5 of 6 test cases pass (83 %), 100 % are needed")
    earlier.get_by_role("button", name="Publish anyway").click()
    expect(earlier.get_by_text("Version 1 is live.")).to_be_visible()
