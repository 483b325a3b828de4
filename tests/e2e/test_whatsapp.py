"""WhatsApp in the browser, rehearsed: a window that closes and is opened again, a STOP that holds for SMS, taps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_accessible import is_fit
from tests.e2e.test_channels import WIDTHS
from tests.e2e.test_rehearsal import begin, says

# Nobody else's in the workspace that all tests share: who opted out here is out for all of it.
NUMBER = "+14155550177"
REMINDER = "appointment_reminder (en): Hello {{1}}, your appointment is on {{2}}. Will you be ther…"
OVER = "More than 24 hours have passed since they last wrote, so WhatsApp takes only a template."


def heard(member: Page, text: str) -> Locator:
    """What arrived on the phone."""
    return member.get_by_role("log").locator(".heard").filter(has_text=text)


def let_a_day_pass(member: Page) -> None:
    """The window closes."""
    expect(member.locator("#window")).to_contain_text("Free words for 23 h")
    member.get_by_role("button", name="Let 24 hours pass").click()
    expect(member.locator("#window")).to_contain_text("The window is closed: only a template goes.")


def answer_in_the_inbox(member: Page, text: str) -> Locator:
    """From the phone to its conversation, which a member takes over and answers in; the line of what they wrote."""
    member.get_by_role("link", name="Open it in the inbox").click()
    member.get_by_role("button", name="Take over").click()
    expect(member.locator("#live-state")).to_contain_text("You have this conversation.")
    member.get_by_label("Your answer").fill(text)
    member.get_by_role("button", name="Send").click()
    return member.get_by_role("log", name="Transcript").locator(".line").filter(has_text=text)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_closed_window_parks_an_answer_says_why_and_what_they_write_sends_it(width: int, member: Page) -> None:
    begin(member, "WhatsApp (Twilio)")
    phone = member.url
    says(member, "how do I return something")
    expect(heard(member, "return").get_by_role("link", name="Read", exact=True)).to_be_visible()
    let_a_day_pass(member)

    parked = answer_in_the_inbox(member, "Your parcel is in Vienna.")
    expect(parked).to_contain_text(OVER)

    member.goto(phone)
    expect(member.get_by_role("log").get_by_role("link", name="Parked").last).to_be_visible()
    says(member, "are you there?")
    arrived = heard(member, "Your parcel is in Vienna.")
    expect(member.locator("#window")).to_contain_text("Free words for 23 h")
    # One click explains it all.
    arrived.get_by_role("link", name="Read", exact=True).click()
    timeline = member.locator("#timeline")
    for step in ("24 hours were let pass by", "Parked: the 24-hour window is closed", "They wrote: the window is open"):
        expect(timeline).to_contain_text(step)


def test_a_closed_window_is_repaired_in_two_clicks(member: Page) -> None:
    begin(member, "WhatsApp (Twilio)")
    phone = member.url
    says(member, "how do I return something")
    expect(heard(member, "return").get_by_role("link", name="Read", exact=True)).to_be_visible()
    let_a_day_pass(member)
    parked = answer_in_the_inbox(member, "Your parcel is in Vienna.")
    expect(parked).to_contain_text(OVER)

    parked.get_by_role("link", name="Use a template").click()
    member.get_by_role("main").get_by_role("button", name="Send").click()

    expect(member.get_by_role("log", name="Transcript")).to_contain_text("A template was sent instead.")
    member.goto(phone)
    expect(heard(member, "Your parcel is in Vienna.")).to_have_count(1)
    # It went though the window is closed, and nothing waits any more.
    expect(member.locator("#window")).to_contain_text("The window is closed: only a template goes.")
    expect(member.get_by_role("log").get_by_role("link", name="Parked")).to_have_count(1)

    # Somebody else is written to first in a template, which stays while their number is corrected.
    member.goto("/app/conversations/new")
    name = member.locator("#id_connection option").filter(has_text="WhatsApp (Twilio)").last
    member.get_by_label("Over").select_option(str(name.get_attribute("value")))
    member.get_by_label("Template").select_option(label=REMINDER)
    member.get_by_label("{{1}}").fill("Ada")
    member.get_by_label("{{2}}").press_sequentially("Friday at")
    member.get_by_label("To", exact=True).fill("+14155550166")
    expect(member.locator("#standing")).to_contain_text("A template of the category Utility")
    member.get_by_label("To", exact=True).fill("+1415")
    expect(member.locator("#standing")).to_contain_text("once the number is typed")
    expect(member.get_by_role("group", name="Preview")).to_contain_text("Hello Ada, your appointment is on Friday at.")
    expect(member.get_by_label("{{2}}")).to_have_value("Friday at")
    is_fit(member, "a template that is filled in")


def test_somebody_is_written_to_first_and_their_answer_comes_back(member: Page) -> None:
    begin(member, "SMS (Twilio)")
    sms = member.url
    member.goto("/app/conversations/")
    member.get_by_role("link", name="New message").click()
    name = member.locator("#id_connection option").filter(has_text="SMS (Twilio)").last
    member.get_by_label("Over").select_option(str(name.get_attribute("value")))
    member.get_by_label("To", exact=True).fill("+14155550188")
    member.get_by_label("Message").fill("Your parcel is in Vienna.")
    member.get_by_label("Message").press("Tab")
    expect(member.locator("#standing")).to_contain_text("Nothing is known of their having agreed.")
    expect(member.locator("#standing")).to_contain_text("1 segment, each billed")
    is_fit(member, "a message that is about to be sent")
    member.get_by_label("How they agreed").fill("Asked for it at the counter.")
    member.get_by_role("button", name="Send").click()
    expect(member.get_by_role("log", name="Transcript")).to_contain_text("Your parcel is in Vienna.")
    talk = member.url
    member.goto(sms)
    expect(heard(member, "Your parcel is in Vienna.")).to_be_visible()
    member.get_by_label("From").fill("+14155550188")
    says(member, "thanks")
    member.goto(talk)
    expect(member.get_by_role("log", name="Transcript")).to_contain_text("thanks")


def test_a_stop_on_whatsapp_holds_for_sms_where_the_owner_wants_it_so(member: Page) -> None:
    begin(member, "WhatsApp (Twilio)")
    whatsapp = member.url
    member.goto(whatsapp.replace("/rehearsal", "/settings"))
    member.get_by_label("STOP holds for every channel").check()
    member.get_by_role("button", name="Save").click()
    expect(member.get_by_label("STOP holds for every channel")).to_be_checked()

    begin(member, "SMS (Twilio)")
    sms = member.url
    member.get_by_label("From").fill(NUMBER)
    says(member, "how do I return something")
    expect(heard(member, "How to return an item")).to_be_visible()

    member.goto(whatsapp)
    member.get_by_label("From").fill(NUMBER)
    says(member, "STOP")
    expect(heard(member, "You have opted out and get no more messages from us.")).to_have_count(1)

    member.goto(sms)
    says(member, "how much is shipping")
    expect(member.get_by_role("log")).to_contain_text("nothing answers until they write START")
    expect(heard(member, "shipping")).to_have_count(0)

    member.goto(whatsapp)
    says(member, "START")
    expect(heard(member, "Welcome back")).to_be_visible()
    member.goto(sms)
    says(member, "when are you open")
    expect(heard(member, "Monday to Friday")).to_be_visible()


def test_a_button_a_list_and_a_reply_by_the_keyboard(member: Page) -> None:
    begin(member, "WhatsApp (Twilio)")
    talk = member.get_by_role("log")
    says(member, "hello")
    talk.get_by_role("button", name="Where is my order?").press("Enter")
    expect(talk.locator(".said")).to_have_count(2)
    expect(heard(member, "tracking link")).to_be_visible()

    says(member, "blue elephants")
    choose = heard(member, "not sure that I understood").locator("summary")
    choose.press("Enter")
    is_fit(member, "a list that is open")
    item = heard(member, "not sure that I understood").get_by_role("button").first
    label = (item.text_content() or "").strip()
    item.press("Enter")
    expect(talk.locator(".said").last).to_contain_text(label)

    talk.get_by_role("link", name="Reply to hello", exact=True).press("Enter")
    expect(member.get_by_role("textbox", name="Message")).to_be_focused()
    says(member, "as I said")
    expect(talk.locator(".said").last.locator(".wa-quote")).to_contain_text("hello")


def test_a_place_that_is_nowhere_is_mended_and_sent(member: Page) -> None:
    begin(member, "WhatsApp (Twilio)")
    says(member, "hello")
    let_a_day_pass(member)
    member.get_by_text("Send a place").click()
    member.get_by_label("Latitude").fill("north")
    member.get_by_label("Its name").fill("Ferry Building")
    member.get_by_role("button", name="Send the place").click()
    expect(member.get_by_text("Write a number from -90 to 90")).to_be_visible()
    # With the window closed, and with all open that can be opened.
    member.evaluate("for (const box of document.querySelectorAll('main details:not(.menu)')) box.open = true")
    is_fit(member, "a place with a mistake")
    member.get_by_label("Latitude").fill("37.7955")
    member.get_by_role("button", name="Send the place").click()
    expect(member.get_by_role("log").locator(".said").last).to_contain_text("Ferry Building")


def test_a_template_is_rejected_with_a_reason_and_convoship_learns_it(member: Page) -> None:
    begin(member, "WhatsApp (Twilio)")
    row = member.locator(".wa-handed-in > li").filter(has_text="news_for_you")
    expect(row.get_by_text("Convoship does not know that yet.")).to_have_count(0)
    row.locator("summary").click()
    row.get_by_label("Why").fill("Too vague.")
    row.get_by_role("button", name="Reject it").click()
    expect(row).to_contain_text("Rejected")
    expect(row).to_contain_text("Too vague.")
    expect(row.get_by_text("Convoship does not know that yet.")).to_be_visible()
    member.get_by_role("button", name="Have Convoship ask now").click()
    expect(row.get_by_text("Convoship does not know that yet.")).to_have_count(0)
