"""A call on its page, in a browser: it follows the call while that goes on, and plays what was recorded."""

from __future__ import annotations

import urllib.request
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from playwright.sync_api import Page, Route, expect

from tests.channels import twilio_end
from tests.channels.twilio_end import ACCOUNT, NUMBER
from tests.driver import wait_for
from tests.e2e import axe
from tests.e2e.conftest import Product
from tests.e2e.programs import Program

PERSON = "+4930901820"
_STORY = """
import uuid
from channels_app.models import Connection
from convoship.lib.tenancy import tenant
from tests.channels import told_calls
with tenant(uuid.UUID({workspace!r})):
    line = Connection.objects.get(id={line!r})
made = told_calls.make_story(line)
print(made.conversation.id)
"""

_OWN = """
import uuid
from channels_app.models import Connection
from convoship.lib.tenancy import tenant
from tests.channels import told_calls
with tenant(uuid.UUID({workspace!r})):
    line = Connection.objects.get(id={line!r})
made = told_calls.make_call(line)
made.say("Hello?")
made.own_recording(12)
print(made.conversation.id)
"""


def told_call(product: Product, program: Program, line_id: str) -> str:
    """A call in which everything happened, with its recording; its conversation's id."""
    code = _STORY.format(workspace=program.demo["workspace_id"], line=line_id)
    return product.manage("shell", "-c", code).split()[-1]


class Caller:
    """Somebody on the telephone: Twilio posts for them what it hears, signed as it signs."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.url, self.sid = line["inbound_url"], f"CA{uuid.uuid4().hex}"

    def post(self, url: str, **more: str) -> Element:
        facts = {"CallSid": self.sid, "AccountSid": ACCOUNT, "From": PERSON, "To": NUMBER, "Direction": "inbound"}
        body, headers = twilio_end.signed(url, facts | {"CallStatus": "in-progress"} | more)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = urllib.request.Request(url, method="POST", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: Element = fromstring(answer.read())
        return told

    def rings(self) -> str:
        """Where what they say is posted."""
        return listens_at(self.post(self.url, CallStatus="ringing"))

    def hangs_up(self) -> None:
        self.post(f"{self.url}/status", CallStatus="completed", CallDuration="42")


def listens_at(told: Element) -> str:
    gather = told.find(".//Gather")
    assert gather is not None
    return gather.attrib["action"]


@pytest.fixture(scope="module")
def line(program: Program) -> dict[str, Any]:
    return program.line("The shop's number")


def test_a_call_is_followed_on_its_page_until_it_ends(line: dict[str, Any], member: Page) -> None:
    member.goto("/app/conversations/")
    caller = Caller(line)
    at = caller.rings()
    row = member.locator(".inbox-row").filter(has_text="On the phone").filter(has_text=PERSON)
    row.get_by_role("link").first.click()
    panel = member.get_by_role("region", name="Call", exact=True)
    expect(panel).to_contain_text("On the phone")
    expect(panel).to_contain_text(PERSON)
    clock = panel.locator("[data-call-since]")
    before = clock.text_content()
    expect(clock).not_to_have_text(before or "")

    told = caller.post(at, SpeechResult="How much is shipping?", Confidence="0.93")
    transcript = member.get_by_role("log", name="Transcript")
    expect(transcript).to_contain_text("How much is shipping?")
    summary = transcript.get_by_text("First word after").last
    expect(summary).to_be_visible()
    summary.click()
    expect(transcript.get_by_text("Of that the assistant")).to_be_visible()
    told = caller.post(listens_at(told), Digits="3")
    expect(transcript).to_contain_text("They pressed 3.")
    caller.post(listens_at(told))
    expect(transcript).to_contain_text("They said nothing")

    caller.hangs_up()
    expect(panel).to_contain_text("Call ended")
    expect(panel).to_contain_text("They hung up.")
    expect(clock).to_have_count(0)
    assert parse_qs(urlsplit(at).query)["turn"] == ["1"]


def drawn_anew(member: Page) -> None:
    """The page follows what happens: it is fetched again, and has been drawn by the time that this returns."""
    member.evaluate(
        """() => new Promise((done) => {
             document.addEventListener("htmx:afterSettle", () => done(), { once: true });
             document.dispatchEvent(new CustomEvent("live:refresh"));
           })"""
    )


def test_a_refused_telephone_stays_with_its_reason_while_the_page_follows_the_call(
    line: dict[str, Any], member: Page
) -> None:
    caller = Caller(line)
    at = caller.rings()
    member.goto("/app/conversations/")
    member.locator(".inbox-row").filter(has_text="On the phone").first.get_by_role("link").first.click()
    number = member.get_by_label("Your telephone")
    number.fill("123")
    # What is still being written is nobody's to replace either.
    drawn_anew(member)
    drawn_anew(member)
    expect(number).to_have_value("123")
    member.get_by_role("button", name="Take the call").click()
    why = member.locator("#take-call-error")
    expect(why).to_contain_text("Write the number with + and the country")
    # What is wrong is in sight, and the field is ready to be mended.
    expect(number).to_be_focused()
    expect(number).to_be_in_viewport(ratio=1)
    expect(why).to_be_in_viewport(ratio=1)
    drawn_anew(member)
    caller.post(at, SpeechResult="How much is shipping?", Confidence="0.93")
    expect(member.get_by_role("log", name="Transcript")).to_contain_text("How much is shipping?")
    drawn_anew(member)
    expect(why).to_have_count(1)
    expect(why).to_contain_text("Write the number with + and the country")
    expect(number).to_have_value("123")
    expect(number).to_have_accessible_description(why.text_content() or "")
    caller.hangs_up()
    expect(member.get_by_role("button", name="Take the call")).to_have_count(0)


def _with_other_links(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("/files/", "/files/./"))


def test_a_recording_is_played_by_key_and_plays_on_while_the_page_is_drawn_anew(
    line: dict[str, Any], product: Product, program: Program, member: Page
) -> None:
    member.goto(f"/app/conversations/{told_call(product, program, line['connection']['id'])}/")
    player = member.locator("audio")
    expect(player).to_have_accessible_name("Recording of the call, 12 s")
    player.focus()
    member.keyboard.press("Space")
    wait_for("it plays", lambda: player.evaluate("(one) => one.currentTime > 0.2"))
    # The page is drawn anew with another link to the file, as there is one every quarter of an hour: it plays on.
    was = player.evaluate("(one) => one.currentTime")
    member.route(f"**{urlsplit(member.url).path}live*", _with_other_links)
    member.evaluate("document.dispatchEvent(new CustomEvent('live:refresh'))")
    member.get_by_role("log", name="Transcript").wait_for()
    wait_for("it plays on", lambda: player.evaluate("(one, was) => one.currentTime > was + 1", was))
    assert not player.evaluate("(one) => one.paused")
    member.keyboard.press("Space")
    wait_for("it is stopped", lambda: player.evaluate("(one) => one.paused"))
    assert axe.violations(member, "document.querySelector('#call')") == []


def test_what_we_recorded_ourselves_is_put_together_and_played_with_both_sides(
    line: dict[str, Any], product: Product, program: Program, member: Page
) -> None:
    code = _OWN.format(workspace=program.demo["workspace_id"], line=line["connection"]["id"])
    member.goto(f"/app/conversations/{product.manage('shell', '-c', code).split()[-1]}/")
    player = member.locator("audio")
    expect(player).to_have_accessible_name("Recording of the call, 12 s", timeout=30_000)
    player.focus()
    member.keyboard.press("Space")
    wait_for("it plays", lambda: player.evaluate("(one) => one.currentTime > 0.2"))
    assert player.evaluate("(one) => Math.round(one.duration)") == 12
    channels = """async (one) => {
        const sound = await (await fetch(one.src)).arrayBuffer();
        return (await new AudioContext().decodeAudioData(sound)).numberOfChannels;
    }"""
    assert player.evaluate(channels) == 2


def test_what_was_not_heard_is_told_apart_for_ears_as_for_eyes(
    line: dict[str, Any], product: Product, program: Program, member: Page
) -> None:
    member.goto(f"/app/conversations/{told_call(product, program, line['connection']['id'])}/")
    unheard = member.locator(".bubble.unheard")
    expect(unheard).to_have_count(2)
    expect(unheard.first).to_contain_text("Not heard")
    expect(unheard.last).to_contain_text("Never heard")
    looks = unheard.first.evaluate("(one) => getComputedStyle(one).borderStyle")
    assert "dashed" in looks
    # A notice line has no bubble of its own; what was not heard of it still doesn't touch its border.
    room = """(one) => {
        one.closest(".line").className = "line system";
        return Number.parseFloat(getComputedStyle(one).paddingLeft);
    }"""
    assert unheard.first.evaluate(room) >= 8
