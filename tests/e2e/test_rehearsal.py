"""A rehearsal in the browser: a phone that is answered, a failing message and its repair, at a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_accessible import is_fit
from tests.e2e.test_channels import WIDTHS
from tests.e2e.test_inbox import is_the_same_page, never_reloads


def begin(member: Page, kind: str) -> None:
    """From the catalogue to the screen."""
    member.goto("/app/channels/")
    member.get_by_role("link", name=f"Rehearse it for {kind}").click()
    member.get_by_label("Assistant that answers").select_option(label="Ada")
    member.get_by_role("button", name="Begin").click()
    expect(member.get_by_text("Nothing was said yet.")).to_be_visible()


def says(member: Page, text: str) -> None:
    """Type it and press Enter."""
    member.get_by_role("textbox", name="Message").fill(text)
    member.keyboard.press("Enter")
    expect(member.get_by_role("log")).to_contain_text(text)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_phone_is_answered_a_failure_explains_itself_and_is_repaired(width: int, member: Page) -> None:
    begin(member, "SMS (Twilio)")
    says(member, "how do I return something")
    never_reloads(member)
    heard = member.get_by_role("log").locator(".heard")
    expect(heard.first).to_contain_text("return")
    expect(heard.first.get_by_role("link", name="Delivered")).to_be_visible()
    assert is_the_same_page(member)
    is_fit(member, "a rehearsal under way")

    member.get_by_label("When something is sent, it").select_option("no_number")
    member.get_by_role("button", name="Behave like that").click()
    expect(member.get_by_text("It misbehaves for the next call.")).to_be_visible()
    says(member, "how much is shipping")
    # One click explains, one more repairs.
    member.get_by_role("log").get_by_role("link", name="Failed").click()
    expect(member.locator("#standing")).to_contain_text("no valid number")
    member.get_by_role("button", name="Replay").click()
    expect(member.locator("#standing")).to_contain_text("Delivered")


def test_what_is_signed_wrongly_is_refused_in_sight_and_counted_on_events(member: Page) -> None:
    begin(member, "Custom webhook")
    member.get_by_label("Sign it wrongly").check()
    says(member, "hello")
    expect(member.get_by_role("log")).to_contain_text("refused (403): it was signed wrongly")
    member.get_by_role("link", name="Events").click()
    expect(member.get_by_text("No v1 signature fits")).to_be_visible()


def test_a_call_is_made_and_hung_up_with_the_keyboard(member: Page) -> None:
    begin(member, "Voice gateway")
    call = member.get_by_role("button", name="Call", exact=True)
    call.focus()
    member.keyboard.press("Enter")
    heard = member.get_by_role("log").locator(".heard")
    expect(heard.first).to_be_visible()
    said = member.get_by_label("The caller says, or presses")
    said.fill("how much is shipping")
    said.press("Enter")
    expect(heard).to_have_count(2)
    is_fit(member, "a call")
    member.get_by_role("button", name="Hang up").press("Enter")
    expect(member.get_by_role("log")).to_contain_text("Hangs up")
