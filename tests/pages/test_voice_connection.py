"""A connection for calls on its pages: set up, tried with a call, and what its health line says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone
from django.utils.html import escape, strip_tags

from channels_app.models import Connection
from channels_app.voice import faults
from convoship.lib.tenancy import tenant
from tests import factories
from tests.channels import twilio_end
from tests.channels.callers import Line, make_line
from tests.channels.twilio_end import ACCOUNT, NUMBER, TwilioEnd


@pytest.fixture
def twilio(settings: Any) -> Iterator[TwilioEnd]:
    """A Twilio on this machine."""
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with twilio_end.running() as end:
        yield end


@pytest.fixture
def here(transactional_db: None, twilio: TwilioEnd) -> Line:
    return make_line(factories.make_workspace(), twilio)


@pytest.fixture
def member(here: Line) -> Client:
    client = Client()
    client.force_login(factories.owner_of(here.workspace))
    return client


def test_the_form_of_a_new_one_names_what_is_missing_at_its_field_and_then_makes_it(here: Line, member: Client) -> None:
    page = member.get("/app/channels/new/twilio_voice")
    assert page.status_code == 200
    with tenant(here.workspace.id):
        assistant = here.connection.assistant_id
    typed: dict[str, Any] = {
        "name": "Second line",
        "assistant": str(assistant),
        "config-account_sid": ACCOUNT,
        "config-from_number": NUMBER,
        "config-mode": "gather",
        "config-then": "transfer",
        "config-barge_in": "on",
        "config-manner": "cold",
        "config-transfer_then": "goodbye",
        "config-record": "off",
        "credential-auth_token": "twilio-token",
        "once": "a form of the test",
    }
    refused = member.post("/app/channels/new/twilio_voice", typed)
    assert refused.status_code == 422
    assert b"Give the number that calls are put through to." in refused.content
    typed["config-transfer_to"] = "+493012345678"
    refused = member.post("/app/channels/new/twilio_voice", typed)
    assert refused.status_code == 422
    assert b"add DE to the countries below" in refused.content
    typed["config-allowed_countries"] = ["DE", "US"]
    refused = member.post("/app/channels/new/twilio_voice", typed)
    assert refused.status_code == 422
    assert f"The connection “{here.connection.name}” has it already".encode() in refused.content
    typed["config-from_number"] = "+14155552672"
    made = member.post("/app/channels/new/twilio_voice", typed)
    assert made.status_code == 200, made.content
    with tenant(here.workspace.id):
        assert Connection.objects.get(name="Second line").config["transfer_to"] == "+493012345678"


def shown(member: Client, path: str) -> str:
    return " ".join(strip_tags(member.get(path).content.decode()).split())


def test_its_overview_has_its_number_and_every_address_and_nothing_of_messages(here: Line, member: Client) -> None:
    page = shown(member, f"/app/channels/{here.connection.id}/")
    assert f"Number {NUMBER} Last in" in page
    assert "Last out" not in page
    for part in ("", "fallback", "status"):
        assert here.url(part) in page
    row = shown(member, "/app/channels/").split("Our line")[1].split("New connection")[0]
    assert "Nothing has gone over it yet. never –" in row


@pytest.mark.parametrize(
    ("transfer_to", "says"),
    [
        ("", "Callers hear that their call can't be taken, and the call ends."),
        ("+14155550188", "Callers hear that their call can't be taken, and are put through to +14155550188."),
    ],
)
def test_pausing_it_says_what_becomes_of_calls(here: Line, member: Client, transfer_to: str, says: str) -> None:
    async_to_sync(here.allow)(transfer_to=transfer_to)
    path = f"/app/channels/{here.connection.id}/"
    says = escape(says)
    assert says in shown(member, f"{path}settings")
    member.post(f"{path}pause", {"from": "overview"})
    page = shown(member, path)
    assert page.count(says) == 2
    assert "kept." not in page
    assert "Nothing is lost" not in page
    heard = async_to_sync(here.ring)()
    assert heard.has("Dial") is bool(transfer_to)
    member.post(f"{path}enable", {"from": "overview"})
    assert "Calls are taken again." in shown(member, path)


def test_its_health_line_names_wrong_signatures_until_something_genuine_comes(here: Line, member: Client) -> None:
    path = f"/app/channels/{here.connection.id}/"

    def health() -> str:
        return " ".join(member.get(path).content.decode().split('id="health"')[1].split("</div>")[0].split())

    forged = {"x-twilio-signature": "bm90IGl0cyBzaWduYXR1cmU="}
    async_to_sync(here.ring)()
    assert "It works." in health()
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=1)):
        for headers in (forged, forged, {}):
            assert async_to_sync(here.form)(here.facts(), here.url(), headers=headers).status_code == 403
        said = health()
        assert "2 requests with a wrong signature were refused since" in said
        assert "Compare the auth token" in said
        assert f'href="{path}events"' in said
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2)):
        async_to_sync(here.ring)()
        assert "It works." in health()


def test_what_was_refused_long_ago_is_said_no_more(here: Line, member: Client) -> None:
    forged = {"x-twilio-signature": "bm90IGl0cyBzaWduYXR1cmU="}
    with time_machine.travel(timezone.now() - dt.timedelta(days=2)):
        async_to_sync(here.form)(here.facts(), here.url(), headers=forged)
    page = member.get(f"/app/channels/{here.connection.id}/").content.decode()
    assert "wrong signature" not in page


def test_where_there_is_no_secret_the_form_says_to_write_one_instead_of_choosing_one(transactional_db: None) -> None:
    workspace = factories.make_workspace()
    client = Client()
    client.force_login(factories.owner_of(workspace))
    with tenant(workspace.id):
        assistant = factories.make_assistant(workspace).id
    typed = {"name": "A line", "assistant": str(assistant), "config-account_sid": ACCOUNT, "once": "a form"}
    page = client.post("/app/channels/new/twilio_voice", typed | {"config-from_number": NUMBER})
    assert page.status_code == 422
    assert "There is no secret to choose yet: write a new one" in page.content.decode()
    assert "Choose the secret" not in page.content.decode()


def test_its_overview_offers_a_test_call_and_its_settings_keep_the_menu(here: Line, member: Client) -> None:
    with tenant(here.workspace.id):
        row = Connection.objects.get(id=here.connection.id)
        row.config = {**row.config, "menu": "1 = What are your <hours>?"}
        row.save()
    page = member.get(f"/app/channels/{here.connection.id}/")
    assert b"Call me at" in page.content
    assert b"Set the addresses at Twilio" in page.content
    settings = member.get(f"/app/channels/{here.connection.id}/settings")
    assert b"1 = What are your &lt;hours&gt;?" in settings.content


def test_its_health_line_names_what_calls_said_and_where_minutes_ran_out(here: Line, member: Client) -> None:
    with tenant(here.workspace.id):
        faults.note(here.connection.id, 64102)
    page = member.get(f"/app/channels/{here.connection.id}/").content.decode()
    assert "64102" in page
    assert "pass WebSockets on" in page
    with tenant(here.workspace.id):
        faults.clear(here.connection.id)
        Connection.objects.update(spent_until=timezone.now() + dt.timedelta(hours=1))
    page = member.get(f"/app/channels/{here.connection.id}/").content.decode()
    assert "Its minutes of today are used up" in page


def test_its_events_and_deliveries_lead_to_its_calls_and_say_what_stands_there_instead(
    here: Line, member: Client
) -> None:
    async_to_sync(here.ring)()
    path = f"/app/channels/{here.connection.id}/"
    events, deliveries = shown(member, f"{path}events"), shown(member, f"{path}deliveries")
    assert "Nothing received yet" not in events
    assert "Here stands what became no call: one that was not taken, with the reason, and what was refused" in events
    assert "Nothing sent yet" not in deliveries
    assert "What the assistant says is spoken in the call" in deliveries
    for tab in ("events", "deliveries"):
        page = member.get(f"{path}{tab}").content.decode()
        assert f'<a class="button" href="{path}calls">See the calls</a>' in page


SPEECH = "Speech engines, where the sound is brought to Convoship"


def test_its_form_has_what_belongs_together_in_groups_and_labels_that_say_it_alone(here: Line, member: Client) -> None:
    page = member.get("/app/channels/new/twilio_voice").content.decode()
    folded = page.index("<summary>More settings")
    silences = page[page.index("When callers say nothing</legend>") :].split("</fieldset>")[0]
    for name in ("silence_seconds", "silence_words", "most_silences", "then"):
        assert f'name="config-{name}"' in silences
    assert page.index("When callers say nothing") < folded
    groups = re.findall(r"<legend>([^<]+)</legend>", page[folded:])
    assert groups == ["Words", "Queue", "Messages and recording", SPEECH, "Costs", "Account at Twilio"]
    labels = [" ".join(strip_tags(one).split()) for one in re.findall(r"<label for=.*?</label>", page, re.DOTALL)]
    for vague in ("Then", "Into a silence", "While it thinks", "Before a message", "Goodbye"):
        assert not any(label.split(" (")[0] == vague for label in labels)
    assert "After the last silence" in labels
    assert "Question after a silence (optional)" in labels
    assert re.search(r'<textarea name="config-greeting"[^>]* rows="3"', page)
    assert "name them in the greeting" in page


def test_a_greeting_of_several_lines_is_kept_in_one(here: Line, member: Client) -> None:
    path = f"/app/channels/{here.connection.id}/"
    with tenant(here.workspace.id):
        row = Connection.objects.get(id=here.connection.id)
    typed = {f"config-{name}": value for name, value in row.config.items()}
    typed |= {"name": row.name, "assistant": str(row.assistant_id), "config-greeting": "Hello.\r\n\r\nPress 1."}
    typed |= {f"credential-{name}": key for name, key in row.credentials.items()}
    assert member.post(f"{path}change", typed).status_code == 302
    with tenant(here.workspace.id):
        assert Connection.objects.get(id=here.connection.id).config["greeting"] == "Hello. Press 1."


@pytest.mark.parametrize(
    ("config", "example"),
    [
        ({}, "+12015550123"),
        ({"from_number": "+4930901820"}, "+4915123456789"),
        ({"allowed_countries": ["GB"]}, "+447400123456"),
        ({"from_number": "+881612345678"}, ""),
    ],
)
def test_the_number_to_call_is_shown_as_one_that_the_connection_calls(
    here: Line, member: Client, config: dict[str, Any], example: str
) -> None:
    async_to_sync(here.allow)(**config)
    page = member.get(f"/app/channels/{here.connection.id}/").content.decode()
    field = page[page.index('name="to"') :].split(">")[0]
    assert re.findall(r'placeholder="For example ([^"]+)"', field) == ([example] if example else [])


def test_who_is_put_through_to_is_shown_as_a_number_of_the_connections_country(here: Line, member: Client) -> None:
    assert "as +14155550123: who asks" in shown(member, "/app/channels/new/twilio_voice")
    async_to_sync(here.allow)(from_number="+4930901820")
    assert "as +4915123456789: who asks" in shown(member, f"/app/channels/{here.connection.id}/settings")


@pytest.mark.parametrize(
    ("to", "says", "leads"),
    [
        ("+4930901820", "+4930901820 is a number of DE, and the connection calls CA, US only. Add DE to", True),
        ("+19005551234", "calls to such numbers can cost any amount, so none is made.", False),
        ("12", "Write the number with +", False),
    ],
)
def test_a_call_that_is_refused_speaks_of_calls_and_leads_to_the_countries(
    here: Line, member: Client, to: str, says: str, leads: bool
) -> None:
    path = f"/app/channels/{here.connection.id}/"
    for headers in ({}, {"HX-Request": "true"}):
        page = member.post(f"{path}call-me", {"to": to}, headers=headers).content.decode()
        assert escape(says) in page
        assert "sends to" not in page
        assert (f'href="{path}settings#id_config-allowed_countries"' in page) is leads


def made_page(member: Client, kind: str, assistant: Any, **config: str) -> str:
    """What follows making a connection of this kind."""
    typed = {"name": "Second line", "assistant": str(assistant), "once": f"{kind} {config}"}
    typed |= {"config-account_sid": ACCOUNT, "credential-auth_token": "twilio-token"}
    made = member.post(f"/app/channels/new/{kind}", typed | {f"config-{name}": value for name, value in config.items()})
    assert made.status_code == 200, made.content
    return made.content.decode()


@pytest.mark.parametrize(
    ("kind", "last", "goes"),
    [
        ("twilio_voice", "Call me", "A call comes in"),
        ("twilio_sms", "Send a test message", "A message comes in"),
    ],
)
def test_a_new_one_is_set_up_first_then_tested_then_tried(
    here: Line, member: Client, kind: str, last: str, goes: str
) -> None:
    page = made_page(member, kind, here.connection.assistant_id, from_number="+14155552672")
    headings = [" ".join(strip_tags(one).split()) for one in re.findall(r"<h2.*?</h2>", page, re.DOTALL)]
    assert headings == ["Set up at Twilio", "Test", last]
    assert re.search(r'<button class="button primary"[^>]*>.*?Set the addresses at Twilio', page, re.DOTALL)
    by_hand = page[page.index("<summary>Or enter them by hand") :].split("</details>")[0]
    assert goes in by_hand
    assert 'id="inbound-url"' in by_hand
    assert page.count('id="test-result"') == page.count('id="register-result"') == 1


def test_a_sender_that_no_api_sets_up_is_set_up_by_hand_from_the_start(here: Line, member: Client) -> None:
    page = made_page(member, "twilio_whatsapp", here.connection.assistant_id, from_number="+14155552672")
    assert '/register"' not in page
    assert re.search(r'<details class="disclosure" open>\s*<summary>Enter them by hand', page)


def test_who_can_not_be_reached_by_twilio_is_told_before_they_set_it_up(
    here: Line, member: Client, settings: Any
) -> None:
    says = "Twilio can't reach this address from outside: it is not https."
    path = f"/app/channels/{here.connection.id}/"
    assert says in made_page(member, "twilio_voice", here.connection.assistant_id, from_number="+14155552672")
    assert says in shown(member, path)
    settings.PUBLIC_BASE_URL = "https://convoship.example"
    assert says not in made_page(member, "twilio_voice", here.connection.assistant_id, from_number="+14155552673")
    settings.PUBLIC_BASE_URL = "http://testserver"
    with tenant(here.workspace.id):
        Connection.objects.filter(id=here.connection.id).update(is_rehearsal=True)
    assert says not in shown(member, path)
