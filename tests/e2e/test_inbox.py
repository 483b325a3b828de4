"""Members and staff: a conversation seen live, taken over, answered, handed back, resolved, and found in the admin."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocket, expect

from tests.driver import wait_for
from tests.e2e.conftest import Product, Visit


@contextmanager
def live_page(page: Page) -> Iterator[None]:
    """Go to a page of conversations, and wait until it hears: it then reads once what it may have missed."""
    told: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: told.append(frame) if '"listening"' in str(frame) else None)

    page.on("websocket", listen)
    with page.expect_response(lambda answer: bool(told) and answer.request.headers.get("hx-request") == "true"):
        yield
    page.remove_listener("websocket", listen)


def never_reloads(page: Page) -> None:
    """Marks the page, so that `is_the_same_page` sees a reload."""
    page.evaluate("window.markedByTest = true")


def is_the_same_page(page: Page) -> bool:
    return bool(page.evaluate("window.markedByTest === true"))


def test_a_member_answers_a_visitor_live_and_hands_back_and_resolves(
    product: Product, shop: str, visit: Visit, member: Page
) -> None:
    secret = f"parcel {uuid.uuid4().hex[:8]}"
    with live_page(member):
        member.goto("/app/conversations/")
    never_reloads(member)
    visitor = visit(shop).chat()
    visitor.say(secret)
    expect(visitor.said.last).to_have_text(secret)
    visitor.tap("Talk to a person")
    visitor.hears("What you told me goes along")
    visitor.sees("We’ve let the team know. You can keep writing")

    # In the list by itself, waiting.
    path = f"/app/conversations/{visitor.conversation_id}/"
    line = member.locator(".inbox-row").filter(has=member.locator(f"a[href='{path}']"))
    expect(line).to_contain_text("Waiting")
    assert is_the_same_page(member)
    with live_page(member):
        line.get_by_role("link").click()
    expect(member).to_have_url(product.base_url + path)
    transcript = member.get_by_role("log", name="Transcript")
    expect(transcript).to_contain_text(secret)
    expect(member.locator("#live-state")).to_contain_text("Asked for a person")
    never_reloads(member)

    # Typing is seen on both sides.
    visitor.field.press_sequentially("Are you")
    expect(member.locator("[data-typing]")).to_have_text("The visitor is writing…")
    member.get_by_label("Your answer").press_sequentially("Good eve")
    member.get_by_label("Your answer").fill("Good evening, **I** have your parcel here.")
    member.get_by_role("button", name="Send").click()
    visitor.hears("Good evening, I have your parcel here.")
    expect(visitor.heard.last.locator("strong")).to_have_text("I")
    expect(member.locator("#live-state")).to_contain_text("You have this conversation.")

    # With a person there the assistant is silent, and what the visitor says is there without a reload.
    visitor.field.fill("")
    visitor.say("where is my order")
    expect(transcript).to_contain_text("where is my order")
    assert is_the_same_page(member)
    expect(visitor.heard.last).to_contain_text("Good evening")
    member.get_by_label("Your answer").press_sequentially("One mo")
    visitor.sees("is typing")

    member.get_by_role("button", name="Hand back to the assistant").click()
    visitor.sees("The assistant is back")
    visitor.ask("when are you open", "Monday to Friday")

    member.get_by_role("button", name="Resolve").click()
    member.get_by_role("button", name="Resolve it").click()
    expect(member.locator("#live-state")).to_contain_text("Resolved by")
    expect(member.get_by_role("textbox", name="Your answer")).to_be_hidden()
    visitor.sees("This conversation has ended.")
    expect(visitor.field).to_have_count(0)
    before = visitor.conversation_id
    visitor.panel.get_by_role("button", name="Start a new conversation").click()
    expect(visitor.said).to_have_count(0)
    visitor.hears("What can I do for you?")
    assert visitor.conversation_id != before


def test_what_is_said_while_a_members_page_still_loads_is_not_missed(shop: str, visit: Visit, member: Page) -> None:
    visitor = visit(shop).chat()
    visitor.ask("where is my order", "tracking link")
    held: list[Route] = []
    member.route("**/live*.js", lambda route: held.append(route))
    member.goto(f"/app/conversations/{visitor.conversation_id}/", wait_until="commit")
    transcript = member.get_by_role("log", name="Transcript")
    expect(transcript).to_contain_text("where is my order")
    visitor.ask("when are you open", "Monday to Friday")
    expect(transcript).not_to_contain_text("when are you open")
    held[0].continue_()
    expect(transcript).to_contain_text("when are you open")


@pytest.mark.browser_context_args(viewport={"width": 390, "height": 844})
def test_on_a_phone_a_conversation_opens_at_its_newest_line(shop: str, visit: Visit, member: Page) -> None:
    visitor = visit(shop).chat()
    for _turn in range(2):
        visitor.ask("how do I return something", "How to return an item")
    visitor.ask("when are you open", "Monday to Friday")
    with live_page(member):
        member.goto(f"/app/conversations/{visitor.conversation_id}/")
    newest = member.get_by_role("log", name="Transcript").locator(".line").last
    expect(newest).to_be_in_viewport(ratio=0.9)
    expect(member.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
    # And stays there as it grows.
    visitor.ask("where is my order", "tracking link")
    expect(newest).to_contain_text("tracking link")
    expect(newest).to_be_in_viewport(ratio=0.9)


def test_members_get_a_mail_when_a_visitor_asks_for_a_person(
    product: Product, demo: dict[str, Any], shop: str, visit: Visit, member: Page
) -> None:
    visitor = visit(shop).chat()
    visitor.chooses("Talk to a person")
    visitor.sees("We’ve let the team know")
    link = f"{product.base_url}/app/conversations/{visitor.conversation_id}/"

    member.goto(link)
    person = member.get_by_role("heading", level=1).inner_text()
    mail = member.locator(".inbox-row", has_text=f"{person} is waiting for a person").filter(has_text=demo["email"])
    member.goto("/mailbox/")
    wait_for("the mail", lambda: member.reload() and mail.count())
    mail.first.get_by_role("link").click()
    member.locator(f"a[href='{link}']").click()
    member.get_by_role("button", name="Take over").click()
    expect(member.locator("#live-state")).to_contain_text("You have this conversation.")
    visitor.sees("has joined the conversation")
    visitor.sees("You’re now talking to a person.")


def test_a_visitor_waits_for_nobody_goes_back_and_ends_and_the_member_sees_it(
    shop: str, visit: Visit, member: Page
) -> None:
    visitor = visit(shop).chat()
    visitor.ask("where is my order", "tracking link")
    with live_page(member):
        member.goto(f"/app/conversations/{visitor.conversation_id}/")
    # While everybody is away nobody is promised, and the buttons below the notes lead on and back.
    member.get_by_role("button", name="Go away").click()
    try:
        member.get_by_role("button", name="Come on duty").wait_for()
        visitor.chooses("Talk to a person")
        waits_for = visitor.panel.locator(".strip")
        expect(waits_for).to_have_text("Please answer the question, or skip it.")
        visitor.tap("Skip")
        expect(waits_for).to_have_text("Nobody can answer here at the moment. You can keep writing.")
        visitor.tap("Back to the assistant")
        expect(waits_for).to_have_text("The assistant is back to help you.")
    finally:
        member.get_by_role("button", name="Come on duty").click()
    expect(member.get_by_role("button", name="Go away")).to_be_visible()
    expect(member.get_by_label("Your answer")).to_be_visible()
    visitor.chooses("End conversation")
    visitor.panel.get_by_role("button", name="End it").click()
    visitor.sees("This conversation has ended.")
    expect(member.get_by_role("textbox", name="Your answer")).to_be_hidden()


def test_staff_find_the_conversation_in_the_admin_after_picking_its_workspace(
    product: Product,
    demo: dict[str, Any],
    shop: str,
    visit: Visit,
    newcomer: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitor = visit(shop).chat()
    visitor.ask("where is my order", "tracking link")
    conversation = visitor.conversation_id
    email, password = f"staff-{uuid.uuid4().hex[:8]}@convoship.example", "a-lamp-in-the-window"
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    product.manage("createsuperuser", "--noinput", "--email", email)

    page = newcomer
    page.goto("/admin/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Conversations", exact=True).first.click()
    # A table of tenants leads to the picker first.
    page.get_by_label("Name, id, or a member’s e-mail address").fill(demo["email"])
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_text("You are inside the workspace")).to_be_visible()
    page.locator(f"#result_list a[href*='{conversation}']").first.click()
    expect(page.get_by_text(conversation).first).to_be_visible()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("link", name="Enter a workspace")).to_be_visible()
