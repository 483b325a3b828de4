"""A photo over a channel in the browser: from a rehearsal's phone to the inbox, and one back to the phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.axe import violations
from tests.e2e.test_accessible import is_fit
from tests.e2e.test_channels import WIDTHS
from tests.e2e.test_files import named, photo
from tests.e2e.test_rehearsal import begin


def width_of(shown: Locator) -> int:
    width: int = shown.evaluate("async (img) => { await img.decode(); return img.naturalWidth }")
    return width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_photo_goes_from_the_phone_to_the_inbox_and_back(width: int, member: Page) -> None:
    member.set_viewport_size({"width": width, "height": 900})
    begin(member, "WhatsApp (Twilio)")
    screen = member.url
    # (Playwright's browser hides scrollbars: others draw one beside tabs that may scroll by a point.)
    expect(member.locator(".tabs")).to_have_css("overflow-y", "hidden")
    member.get_by_role("textbox", name="Message").fill("Is this one broken?")
    # What is too large is told so before anything is sent, and what was typed stays.
    member.get_by_label("Photo or file").set_input_files([named("film.mp4", bytes(16 * 1024**2 + 1))])
    member.get_by_role("button", name="Send", exact=True).click()
    expect(member.locator("#picture_error")).to_have_text("The file is too large: at most 16 MB.")
    expect(member.get_by_role("textbox", name="Message")).to_have_value("Is this one broken?")
    member.get_by_label("Photo or file").set_input_files([named("lamp.jpg", photo(), "image/jpeg")])
    member.get_by_role("button", name="Send", exact=True).click()
    talk = member.get_by_role("log")
    expect(talk).to_contain_text("Is this one broken?")
    assert width_of(talk.get_by_role("img", name="lamp.jpg")) == 640
    is_fit(member, "a rehearsal with a photo")

    member.get_by_role("link", name="Open it in the inbox").click()
    transcript = member.get_by_role("log", name="Transcript")
    arrived = transcript.get_by_role("img", name="lamp.jpg")
    expect(arrived).to_be_visible()
    assert width_of(arrived) == 640

    # On a phone the composer unfolds when it is touched.
    member.get_by_label("Your answer").click()
    tray = member.get_by_role("list", name="Files to send")
    with member.expect_file_chooser() as chooser:
        member.get_by_role("button", name="Attach files").click()
    chooser.value.set_files([named("ours.jpg", photo(320, 200), "image/jpeg"), named("list.txt", b"one\ntwo\n")])
    # Before it is sent, who sends it reads how each goes.
    expect(tray.locator("li").nth(1)).to_contain_text("goes as a link: WhatsApp takes")
    expect(tray.locator("li").nth(0)).not_to_contain_text("goes as a link")
    # Nor is there room for all: where one more is too much beside the others, it says so, until one is removed.
    member.locator("[data-files]").evaluate("(box) => (box.dataset.together = 100)")
    with member.expect_file_chooser() as chooser:
        member.get_by_role("button", name="Attach files").click()
    chooser.value.set_files([named("small.jpg", photo(16, 16), "image/jpeg")])
    expect(tray.locator("li").nth(2)).to_contain_text("goes as a link: WhatsApp takes 160 MB in all")
    member.locator("[data-files]").evaluate("(box) => (box.dataset.together = 1000000)")
    tray.get_by_role("button", name="Remove small.jpg").click()
    expect(tray.locator("li").nth(0)).not_to_contain_text("goes as a link")
    assert violations(member, "document.querySelector('[data-composer]')") == []
    member.get_by_label("Your answer").fill("It looks like this one")
    member.locator("[data-reply]").get_by_role("button", name="Send", exact=True).click()
    expect(tray).to_be_hidden()

    member.goto(screen)
    heard = member.get_by_role("log").locator(".heard")
    expect(heard.filter(has=member.get_by_role("img", name="ours.jpg"))).to_be_visible()
    assert width_of(heard.get_by_role("img", name="ours.jpg")) == 320
    expect(heard.filter(has_text="list.txt: http")).to_contain_text("It looks like this one")
