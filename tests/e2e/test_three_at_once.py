"""Three browsers at once, a visitor and two members, on the web and by SMS, with the server killed in the middle."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Agent, Product, Visit
from tests.e2e.test_inbox import live_page


def transcript(page: Page) -> Locator:
    return page.get_by_role("log", name="Transcript")


def answer(page: Page, text: str) -> None:
    field = page.get_by_role("textbox", name="Your answer")
    field.fill(text)
    field.press("Control+Enter")
    expect(field).to_have_value("")


def test_on_the_web_two_members_pass_a_visitor_on_over_a_killed_server(
    product: Product, office: dict[str, Any], visit: Visit, agent: Agent
) -> None:
    visitor = visit(office["demo_page"]).chat()
    visitor.ask("where is my order", "tracking link")
    dana, kim = agent("Dana Reyes"), agent("Kim")
    for page in (dana, kim):
        with live_page(page):
            page.goto("/app/conversations/?show=waiting")
    visitor.tap("Talk to a person")
    visitor.sees("We’ve let the team know")

    # Both see who waits, by themselves; one takes it, and it leaves the other's list of those who wait.
    path = f"/app/conversations/{visitor.conversation_id}/"
    for page in (dana, kim):
        expect(page.locator(f"a[href^='{path}']").first).to_be_visible()
    with live_page(dana):
        dana.locator(f"a[href^='{path}']").first.click()
    dana.get_by_role("button", name="Take over").click()
    visitor.sees("Dana Reyes")
    expect(kim.locator(f"a[href^='{path}']")).to_have_count(0)
    answer(dana, "Hello, I look it up.")
    visitor.hears("Hello, I look it up.")

    # The web server is killed. What is written meanwhile on either side arrives once it is back, once.
    product.kill_web()
    visitor.field.fill("It is the red one.")
    visitor.field.press("Enter")
    product.wait_web()
    expect(transcript(dana)).to_contain_text("It is the red one.")
    answer(dana, "Found it: it is in Kiel.")
    visitor.hears("Found it: it is in Kiel.")
    expect(visitor.said.filter(has_text="It is the red one.")).to_have_count(1)
    expect(transcript(dana).locator(".line", has_text="It is the red one.")).to_have_count(1)

    # Passed on to the other, who has the whole of it before them.
    dana.get_by_label("Assigned to").select_option(label="Kim")
    # What is chosen stays chosen when an event has its part of the page drawn anew.
    visitor.say("It is for Friday.")
    expect(transcript(dana)).to_contain_text("It is for Friday.")
    dana.get_by_role("button", name="Assign", exact=True).click()
    visitor.sees("Kim will be with you in a moment.")
    with live_page(kim):
        kim.goto(path)
    for words in ("where is my order", "Hello, I look it up.", "It is the red one.", "Found it: it is in Kiel."):
        expect(transcript(kim)).to_contain_text(words)
    answer(kim, "I send another one.")
    visitor.hears("I send another one.")

    kim.get_by_role("button", name="Resolve").click()
    kim.get_by_role("button", name="Resolve it").click()
    visitor.sees("This conversation has ended.")
    expect(dana.locator("#live-state")).to_contain_text("Resolved by Kim")


def test_by_sms_two_members_answer_a_phone_over_a_killed_server(
    product: Product, office: dict[str, Any], agent: Agent
) -> None:
    owner = agent("The owner")
    owner.goto("/app/channels/")
    owner.get_by_role("link", name="Rehearse it for SMS (Twilio)").click()
    owner.get_by_role("button", name="Begin").click()
    phone = owner.get_by_role("log", name="What was said")

    def says(text: str) -> None:
        owner.get_by_role("textbox", name="Message").fill(text)
        owner.keyboard.press("Enter")
        expect(phone).to_contain_text(text)

    says("I want to speak to a human")
    expect(phone).to_contain_text("I've asked a person to join.")
    path = owner.get_by_role("link", name="Open it in the inbox").get_attribute("href")
    assert path is not None
    dana, kim = agent("Dana Reyes"), agent("Kim")
    for page in (dana, kim):
        with live_page(page):
            page.goto(path)
        expect(page.locator("#live-state")).to_contain_text("Asked for a person")
    answer(dana, "Hello by SMS.")
    expect(phone).to_contain_text("Hello by SMS.")
    expect(kim.locator("#live-state")).to_contain_text("Dana Reyes has this conversation.")

    product.kill_web()
    product.wait_web()
    owner.reload()
    says("My kettle leaks.")
    for page in (dana, kim):
        expect(transcript(page)).to_contain_text("My kettle leaks.")
    kim.get_by_role("button", name="Take over").click()
    answer(kim, "We send another.")
    expect(phone).to_contain_text("We send another.")
    # It left by the outbox, and says so.
    expect(phone.get_by_role("listitem").filter(has_text="We send another.").get_by_role("link")).to_have_text(
        "Delivered"
    )
    kim.get_by_role("button", name="Resolve").click()
    kim.get_by_role("button", name="Resolve it").click()
    expect(phone).to_contain_text("has closed this conversation.")
    expect(dana.locator("#live-state")).to_contain_text("Resolved by Kim")
