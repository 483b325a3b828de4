"""A rehearsed call by sound in a real browser: a microphone that somebody speaks into, and a voice that answers."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, StorageState, expect

from convoship.machine import voice
from tests.driver import wait_for
from tests.e2e.conftest import PATIENCE, Product
from tests.e2e.test_accessible import is_fit

pytestmark = pytest.mark.skipif(not voice.is_installed(), reason="the voice packages are not here: make voice")

SAID = "Hello, I would like to book a table for two tomorrow evening."
# The assistant greets first: the microphone is silent for so long, then somebody speaks, again and again.
QUIET_SECONDS = 20


def spoken(folder: Path) -> Path:
    """A recording of the sentence, in silence: Chromium plays it into its microphone from its first use on."""
    said, file = folder / "said.wav", folder / "microphone.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", SAID, "-o", str(said)], check=True)
    with wave.open(str(said)) as given, wave.open(str(file), "wb") as made:
        made.setparams(given.getparams())
        quiet = bytes(2 * given.getframerate())
        made.writeframes(quiet * QUIET_SECONDS + given.readframes(given.getnframes()) + quiet * 20)
    return file


@pytest.fixture(scope="module")
def speaking(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A browser whose microphone is that recording; it gives it to pages without asking."""
    file = spoken(tmp_path_factory.mktemp("sound"))
    arguments = [
        *browser_type_launch_args["args"],
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
    ]
    browser = browser_type.launch(**{**browser_type_launch_args, "args": arguments})
    yield browser
    browser.close()


def context_of(browser: Browser, state: StorageState, product: Product) -> BrowserContext:
    context = browser.new_context(
        storage_state=state, base_url=product.base_url, reduced_motion="reduce", locale="en-GB"
    )
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture
def caller(speaking: Browser, member_state: StorageState, product: Product) -> Iterator[Page]:
    context = context_of(speaking, member_state, product)
    yield context.new_page()
    context.close()


def begin(page: Page) -> None:
    """From the catalogue to a rehearsal whose mode is streaming."""
    page.goto("/app/channels/")
    page.get_by_role("link", name="Rehearse it for Voice gateway").click()
    page.get_by_label("Assistant that answers").select_option(label="Ada")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="the settings").click()
    page.get_by_label("Mode", exact=True).select_option(label="Streaming")
    page.get_by_role("button", name="Save").first.click()
    page.get_by_role("link", name="Rehearsal").first.click()
    expect(page.get_by_role("button", name="Call with your microphone")).to_be_enabled()


def loudest(page: Page, who: str) -> float:
    return float(page.locator(f"[data-level={who}]").evaluate("(one) => one.value"))


def test_somebody_speaks_and_is_heard_and_answered_by_a_voice(caller: Page) -> None:
    begin(caller)
    is_fit(caller, "a telephone by sound")
    call = caller.get_by_role("button", name="Call with your microphone")
    call.focus()
    caller.keyboard.press("Enter")
    state = caller.locator("[data-gateway-phone] [data-state]")
    expect(state).to_have_text("On the line")
    expect(caller.get_by_role("button", name="Hang up")).to_be_focused()
    # A voice: what is played is loud, and measured where it is played.
    wait_for("the greeting is heard", lambda: loudest(caller, "them") > 0.3)
    talk = caller.get_by_role("log")
    expect(talk.locator(".heard").first).to_be_visible()
    said = talk.locator(".said")
    # (The ear that needs no key takes a table for a courtroom, now and then; this word it knows.)
    expect(said.first).to_contain_text("hello", ignore_case=True)
    answers = talk.locator(".heard")
    wait_for("it is answered", lambda: answers.count() > 1)
    wait_for("the answer is heard", lambda: loudest(caller, "them") > 0.3)
    # Keys go where nothing is written.
    caller.get_by_role("button", name="5", exact=True).press("5")
    expect(caller.get_by_text("Pressed: 5")).to_be_visible()
    is_fit(caller, "a call by sound")
    mute = caller.get_by_role("button", name="Mute")
    mute.press("Enter")
    expect(mute).to_have_attribute("aria-pressed", "true")
    wait_for("nothing is sent of who is muted", lambda: loudest(caller, "you") == 0)
    caller.get_by_role("button", name="Hang up").press("Enter")
    expect(state).to_have_text("You hung up")
    expect(talk).to_contain_text("hung up")
    expect(call).to_be_focused()
    caller.get_by_role("link", name="Read the call").first.evaluate("(one) => one.removeAttribute('target')")
    caller.get_by_role("link", name="Read the call").first.click()
    transcript = caller.get_by_role("log", name="Transcript")
    expect(transcript).to_contain_text("hello", ignore_case=True)
    expect(transcript).to_contain_text("pressed a key")


def test_twilio_s_telephone_carries_sound_both_ways(caller: Page) -> None:
    caller.goto("/app/channels/")
    caller.get_by_role("link", name="Rehearse it for Voice (Twilio)").click()
    caller.get_by_label("Assistant that answers").select_option(label="Ada")
    caller.get_by_role("button", name="Begin").click()
    caller.locator("[data-telephone][data-ready]").wait_for()
    caller.goto(caller.url.removesuffix("/rehearsal") + "/settings")
    caller.get_by_label("How it listens").select_option("stream")
    caller.get_by_role("button", name="Save").first.click()
    caller.get_by_role("link", name="Rehearsal", exact=True).first.click()
    caller.locator("[data-telephone][data-ready]").wait_for()
    caller.get_by_role("button", name="Call", exact=True).click()
    talk = caller.get_by_role("log", name="What is said")
    expect(talk).to_contain_text("The call goes by sound")
    wait_for("the greeting is heard", lambda: loudest(caller, "them") > 0.3)
    said = caller.get_by_role("log", name="What was said")
    expect(said.locator(".said").first).to_contain_text("hello", ignore_case=True)
    # What is written has no sound, so there is nowhere to write.
    expect(caller.get_by_label("Say", exact=True)).to_be_hidden()
    is_fit(caller, "a rehearsed call by sound")
    caller.get_by_role("button", name="Hang up").press("Enter")
    expect(talk).to_contain_text("The sound has ended")
    expect(said).to_contain_text("hung up")


def call_anew(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("[data-gateway-phone][data-ready]").wait_for()
    page.get_by_role("button", name="Call with your microphone").click()


def test_who_can_not_speak_is_told_why_and_what_to_do(
    browser: Browser, caller: Page, member_state: StorageState, product: Product
) -> None:
    begin(caller)
    address = caller.url
    trouble = caller.get_by_role("alert").filter(has_text=".")
    # The product's own refusals, in its own words.
    caller.get_by_label("Sign the request for the ticket wrongly").check()
    caller.get_by_role("button", name="Call with your microphone").click()
    expect(trouble).to_contain_text("signed wrongly")
    # No process carries sound: which one was looked for is named.
    caller.route_web_socket("**/stream", lambda socket: socket.close(code=1013))
    call_anew(caller, address)
    expect(trouble).to_contain_text("No socket opened at 127.0.0.1")
    expect(trouble).to_contain_text("make voice")
    expect(caller.get_by_role("button", name="Call with your microphone")).to_be_visible()
    # A browser that gives no microphone, as nobody allowed it, and one that has none.
    context = context_of(browser, member_state, product)
    page = context.new_page()
    call_anew(page, address)
    expect(page.get_by_role("alert").filter(has_text=".")).to_contain_text("icrophone")
    expect(page.locator("[data-gateway-phone] [data-state]")).to_have_text("No call")
    is_fit(page, "a telephone without a microphone")
    context.close()
