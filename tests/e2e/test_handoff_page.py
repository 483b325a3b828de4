"""The rules of hand-overs and the hand-overs of a conversation in Chromium: rows, what stays open, what is kept."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.e2e import axe
from tests.e2e.visitor import Visitor


def test_rows_come_without_loading_the_page_and_the_focus_goes_on_in_them(demo: dict[str, Any], member: Page) -> None:
    member.goto(f"/app/assistants/{demo['assistant_id']}/handoff")
    member.get_by_label("People are there at certain hours only").check()
    member.get_by_label("Time zone").fill("Europe/Berlin")
    member.get_by_label("Monday, from").fill("9")
    member.get_by_label("Monday, to").fill("12:30")
    member.evaluate("window.isTheSamePage = true")
    member.get_by_role("button", name="More hours on Monday").click()
    expect(member.get_by_label("Monday, from")).to_have_count(2)
    expect(member.get_by_label("Monday, from").nth(1)).to_be_focused()
    member.keyboard.type("13")
    member.get_by_label("Monday, to").nth(1).fill("17")
    member.get_by_role("button", name="Copy to all weekdays, from Monday").click()
    expect(member.get_by_label("Friday, to").nth(1)).to_have_value("17")
    assert member.evaluate("window.isTheSamePage") is True
    # With its rows it is as fit for who speaks to it by the words they see.
    assert axe.violations(member, also="label-content-name-mismatch") == []
    # What is wrong is told at the top; its field has the focus, and the way to it from there.
    member.get_by_label("Tuesday, to").first.fill("half past")
    member.keyboard.press("Control+s")
    expect(member.get_by_text("Not saved: 1 thing to mend")).to_be_visible()
    expect(member.get_by_label("Tuesday, from").first).to_be_focused()
    member.get_by_label("Monday, from").first.focus()
    member.get_by_role("link", name="Go to the first").click()
    expect(member.get_by_label("Tuesday, from").first).to_be_focused()
    member.get_by_label("Tuesday, to").first.fill("12:30")
    member.keyboard.press("Control+s")
    expect(member.get_by_text("Saved in the draft.")).to_be_visible()
    expect(member.get_by_label("Friday, to").nth(1)).to_have_value("17:00")


def test_what_is_opened_and_typed_stays_while_the_visitor_writes(
    demo: dict[str, Any], browser: Browser, member: Page
) -> None:
    context = browser.new_context(reduced_motion="reduce")
    visitor = Visitor(context.new_page())
    visitor.goto(demo["demo_page"])
    visitor.chat()
    visitor.say("Talk to a person")
    expect(visitor.panel.get_by_text("I've asked a person to join.")).to_be_visible()
    member.goto(f"/app/conversations/{visitor.conversation_id}/")
    member.locator("#handoffs-all summary").click()
    member.get_by_text("Summary for handing back").click()
    member.get_by_label("Summary", exact=True).fill("The parcel is found.")
    visitor.say("Are you there?")
    expect(member.get_by_role("log").get_by_text("Are you there?")).to_be_visible()
    expect(member.locator("#handoffs-all")).to_have_attribute("open", "")
    expect(member.get_by_label("Summary", exact=True)).to_have_value("The parcel is found.")
    member.get_by_role("button", name="Hand back to the assistant").click()
    member.locator("#handoffs-all summary").click()
    expect(member.get_by_text("The parcel is found.")).to_be_visible()
    context.close()
