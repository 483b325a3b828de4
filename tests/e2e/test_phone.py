"""A rehearsed telephone in the browser: calls sentence by sentence, word by word, by keys, and cut in many ways."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from tests.driver import wait_for
from tests.e2e.conftest import Product
from tests.e2e.test_accessible import is_fit
from tests.e2e.test_channels import WIDTHS
from tests.e2e.test_inbox import is_the_same_page, never_reloads

_SET = """
import uuid
from channels_app.models import Connection
from convoship.lib.tenancy import tenant
with tenant(uuid.UUID({workspace!r})):
    row = Connection.objects.get(id={connection!r})
    row.config = {{**row.config, **{config!r}}}
    row.save()
"""


class Phone:
    """A rehearsed telephone on a page."""

    def __init__(self, page: Page, product: Product, workspace: str, **config: object) -> None:
        self.page = page
        page.goto("/app/channels/")
        page.get_by_role("link", name="Rehearse it for Voice (Twilio)").click()
        page.get_by_label("Assistant that answers").select_option(label="Ada")
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_text("Nothing was said yet.")).to_be_visible()
        found = re.search(r"/app/channels/([0-9a-f-]{36})/", page.url)
        assert found is not None
        product.manage("shell", "-c", _SET.format(workspace=workspace, connection=found[1], config=config))
        self.log = page.get_by_role("log", name="What is said")
        self.wire = page.get_by_role("region", name="Over the wire")
        self.connection = found[1]
        never_reloads(page)

    def speaks(self, pace: str) -> None:
        self.page.get_by_label("The voice speaks").select_option(pace)

    def calls(self) -> None:
        self.page.get_by_role("button", name="Call", exact=True).click()
        expect(self.page.get_by_label("Say", exact=True)).to_be_visible()

    def says(self, words: str) -> None:
        self.page.get_by_label("Say", exact=True).fill(words)
        self.page.keyboard.press("Enter")

    @property
    def heard(self) -> Locator:
        return self.log.locator(".heard")


Maker = Callable[..., Phone]


@pytest.fixture
def phone_of(member: Page, product: Product, demo: dict[str, str]) -> Maker:
    """Makes a telephone with these settings."""
    return lambda **config: Phone(member, product, demo["workspace_id"], **config)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_call_is_held_sentence_by_sentence_and_hung_up(width: int, member: Page, phone_of: Maker) -> None:
    member.set_viewport_size({"width": width, "height": 900})
    phone = phone_of(mode="gather", menu="9 = goodbye")
    phone.speaks("instant")
    phone.calls()
    expect(phone.log).to_contain_text("What can I do for you?")
    expect(member.get_by_text("On the line")).to_be_visible()
    phone.says("how much is shipping")
    expect(phone.log.locator(".said")).to_have_text("how much is shipping")
    expect(phone.log).to_contain_text("14.90")
    is_fit(member, "a telephone in a call")
    # What went over the wire, in words.
    expect(phone.wire).to_contain_text("Twilio told that they said")
    member.get_by_role("button", name="9", exact=True).click()
    expect(phone.log).to_contain_text("The call was ended at the other end.")
    expect(phone.wire).to_contain_text("Twilio told of the call: completed")
    assert is_the_same_page(member)


def test_a_call_word_by_word_is_interrupted_led_by_keys_and_dropped(member: Page, phone_of: Maker) -> None:
    phone = phone_of(mode="relay", menu="1 = how much is shipping")
    phone.calls()
    expect(phone.log).to_contain_text("ConversationRelay listens, word by word.")
    interrupt = member.get_by_role("button", name="Interrupt")
    expect(interrupt).to_be_enabled()
    # Who interrupts before the first word was spoken hears nothing of it, and is told so in other words.
    expect(phone.log.locator(".heard span:has(+ .to-come)").first).not_to_be_empty()
    interrupt.click()
    expect(phone.log).to_contain_text("Cut off: the rest was never heard")
    expect(phone.wire).to_contain_text("They interrupted")
    phone.speaks("instant")
    # Keys by the keyboard, wherever nothing is written.
    member.get_by_role("heading", name="A telephone").click()
    member.keyboard.press("1")
    expect(phone.log).to_contain_text("14.90")
    member.get_by_role("button", name="Drop the line").click()
    expect(phone.log).to_contain_text("The line was dropped.")
    expect(member.get_by_role("button", name="Call", exact=True)).to_be_visible()


def test_a_relay_that_can_t_be_opened_falls_back_and_says_why(member: Page, phone_of: Maker) -> None:
    phone = phone_of(mode="relay")
    phone.speaks("instant")
    member.get_by_text("What goes wrong on purpose").click()
    member.get_by_label("The relay’s socket can’t be opened (64102)").check()
    phone.calls()
    expect(phone.log).to_contain_text("64102")
    expect(phone.log).to_contain_text("What can I do for you?")
    phone.says("how much is shipping")
    expect(phone.log).to_contain_text("14.90")
    member.get_by_role("button", name="Hang up").click()
    expect(phone.log).to_contain_text("You hung up.")


def test_a_web_server_that_is_killed_drops_the_call_and_the_screen_says_so(
    member: Page,
    product: Product,
    phone_of: Maker,
) -> None:
    phone = phone_of(mode="gather")
    phone.speaks("instant")
    phone.calls()
    expect(phone.log).to_contain_text("What can I do for you?")
    product.kill_web()
    expect(phone.log).to_contain_text("The line was cut")
    product.wait_web()
    wait_for("the telephone is there again", lambda: member.locator("[data-telephone][data-ready]").count() == 1)
    phone.calls()
    expect(phone.log).to_contain_text("What can I do for you?")
    member.get_by_role("button", name="Hang up").click()


def test_a_call_is_made_and_hung_up_by_the_keyboard_alone(member: Page, phone_of: Maker) -> None:
    phone = phone_of(mode="gather")
    phone.speaks("instant")
    member.get_by_label("Call from").focus()
    member.keyboard.press("Enter")
    words = member.get_by_label("Say", exact=True)
    expect(words).to_be_focused()
    expect(phone.log).to_contain_text("What can I do for you?")
    member.keyboard.type("how much is shipping")
    member.keyboard.press("Enter")
    expect(phone.log).to_contain_text("14.90")
    member.get_by_role("button", name="Hang up").focus()
    member.keyboard.press("Enter")
    expect(phone.log).to_contain_text("You hung up.")
    expect(member.get_by_label("Call from")).to_be_focused()


OTHER = "+14155550177"


@pytest.mark.parametrize("mode", ["gather", "relay"])
def test_a_call_is_put_through_after_a_whisper_and_what_came_of_it_is_told(
    mode: str, member: Page, phone_of: Maker
) -> None:
    phone = phone_of(mode=mode, menu="0 = transfer", manner="warm", transfer_to=OTHER, transfer_after="end")
    phone.speaks("instant")
    phone.calls()
    expect(phone.log).to_contain_text("What can I do for you?")
    member.get_by_role("button", name="0", exact=True).click()
    rings = member.locator("[data-rings]")
    expect(rings).to_contain_text(OTHER)
    is_fit(member, "a telephone that rings")
    rings.get_by_role("button", name="Answer").click()
    expect(phone.log.locator(".heard.other")).to_contain_text("1")
    expect(member.get_by_label("The other person")).to_be_checked()
    expect(phone.log).to_contain_text("what you say and press now is theirs")
    member.get_by_role("button", name="1", exact=True).click()
    expect(phone.log).to_contain_text("Both are connected")
    phone.says("Hello, how can I help?")
    expect(phone.log.locator(".said.other").last).to_contain_text("Hello, how can I help?")
    member.get_by_role("button", name="Hang up").click()
    expect(phone.log).to_contain_text("The call was ended at the other end.")
    # The way to it in the inbox, where it is told whom they talked with.
    member.goto(f"/app/channels/{phone.connection}/calls")
    expect(member.get_by_role("table", name="Calls, the newest first")).to_contain_text("They talked to")


def test_where_the_line_is_busy_the_caller_waits_for_the_team_and_can_go_back(member: Page, phone_of: Maker) -> None:
    phone = phone_of(mode="gather", menu="0 = transfer", manner="cold", transfer_to=OTHER)
    phone.speaks("instant")
    phone.calls()
    expect(phone.log).to_contain_text("What can I do for you?")
    member.get_by_role("button", name="0", exact=True).click()
    member.locator("[data-rings]").get_by_role("button", name="Busy").click()
    expect(phone.log).to_contain_text("You are next. Please stay on the line.")
    member.get_by_role("button", name="Star", exact=True).click()
    expect(phone.log).to_contain_text("I am back with you.")
    phone.says("how much is shipping")
    expect(phone.log).to_contain_text("14.90")
    member.get_by_role("button", name="Hang up").click()
    expect(phone.log).to_contain_text("You hung up.")


def test_who_waits_in_a_queue_hears_their_place_and_is_taken(member: Page, phone_of: Maker) -> None:
    phone = phone_of(mode="gather", menu="0 = transfer", manner="queue")
    phone.speaks("instant")
    phone.calls()
    expect(phone.log).to_contain_text("What can I do for you?")
    member.get_by_role("button", name="0", exact=True).click()
    expect(phone.log).to_contain_text("Waits in the queue")
    member.get_by_role("button", name="Take the waiting caller").click()
    expect(phone.log).to_contain_text("Both are connected")
    member.get_by_role("button", name="Hang up").click()
    expect(phone.log).to_contain_text("The connection between the two has ended.")


def test_a_call_can_be_read_and_one_that_was_left_is_told_of(member: Page, phone_of: Maker) -> None:
    phone = phone_of(mode="gather")
    phone.speaks("instant")
    member.get_by_label("Call from").fill("")
    phone.calls()
    expect(member.get_by_text("Call from +14155550123")).to_be_visible()
    read = member.get_by_role("link", name="Read the call")
    expect(read).to_be_visible()
    address = read.get_attribute("href")
    assert address is not None
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    member.once("dialog", leave)
    member.reload()
    assert asked == ["beforeunload"]
    expect(phone.log).to_contain_text("Your last call ended when this page was left.")
    assert phone.log.get_by_role("link", name="Read the call").get_attribute("href") == address
    phone.speaks("instant")
    phone.calls()
    expect(phone.log).to_contain_text("What can I do for you?")
    member.get_by_role("button", name="Hang up").click()
    expect(phone.log).to_contain_text("You hung up.")
    expect(read).to_be_visible()
    assert read.get_attribute("href") != address
    # Nobody is asked, and nothing is told, once the call is over.
    member.reload()
    expect(phone.log).to_contain_text("Nothing was said yet.")


def test_a_connection_that_is_lost_in_a_call_is_told_until_it_is_back(member: Page, phone_of: Maker) -> None:
    phone = phone_of(mode="gather")
    phone.calls()
    away = member.get_by_text("No connection to Convoship: what you say waits.")
    expect(away).to_be_hidden()
    member.context.set_offline(True)
    expect(away).to_be_visible()
    member.context.set_offline(False)
    expect(away).to_be_hidden()
    member.get_by_role("button", name="Hang up").click()
    expect(phone.log).to_contain_text("You hung up.")
