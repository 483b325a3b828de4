"""Zendesk's messaging without Zendesk: what its calls mean, and what is planned for it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from channels_app.providers.base import Account, BadEvent, InboundRequest, ProviderError, SignatureInvalid
from channels_app.providers.events import DeskSaid, MessageReceived, NotUsed, StatusReported
from channels_app.providers.zendesk import messaging
from channels_app.providers.zendesk.messaging import LARGEST_METADATA, Messaging
from channels_app.providers.zendesk.provider import Zendesk
from deployments.models import Person
from tests.channels.far_end import FarEnd, Said
from tests.channels.test_zendesk import case, said

OURS, THEIRS = "5f11a650e4e987667c2051d1", "62261ff41b74b670c3f64c2f"
PAGE = "https://convoship.example/app/conversations/1/"


def zendesk(url: str = "", secret: str = "s3cret") -> Zendesk:
    config = {"subdomain": "acme", "mode": "messaging", "app_id": "5ebee0975ac5304b664a12fa", "integration_id": OURS}
    given = {"client_id": "app_1", "client_secret": "key", "webhook_secret": secret}
    return Zendesk(Account(uuid4(), "Zendesk", config, given, {}, "", "", url, address="c1"))


def request(body: Any, **headers: str) -> InboundRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return InboundRequest("POST", "https://convoship.example/in", "", {}, headers, "application/json", raw)


def parsed(kind: str, active: str | None = OURS, **payload: Any) -> Any:
    conversation: dict[str, Any] = {"id": "c1", "type": "personal"}
    if active:
        conversation["activeSwitchboardIntegration"] = {"id": "5eec", "integrationId": active}
    event = {"id": "e1", "type": kind, "payload": {"conversation": conversation, **payload}}
    (found,) = zendesk().parse_events(request({"events": [event]}))
    return found


def message(content: Any, kind: str = "user", **more: Any) -> dict[str, Any]:
    author = {"type": kind, "displayName": "Steve Rogers"}
    return {"id": "m1", "author": author, "content": content, "received": "2026-11-22T10:00:00.000Z", **more}


TEXT = {"type": "text", "text": "hello"}

# --- Whose calls are taken --------------------------------------------------------------------------------------------


def test_the_webhooks_secret_is_what_makes_a_call_genuine() -> None:
    zendesk().validate_request(request({}, **{"x-api-key": "s3cret"}))
    for headers, secret, reason in (
        ({"x-api-key": "s3cres"}, "s3cret", "signature_wrong"),
        ({}, "s3cret", "signature_missing"),
        ({"x-api-key": ""}, "", "no_secret"),
    ):
        with pytest.raises(SignatureInvalid) as found:
            zendesk(secret=secret).validate_request(request({}, **headers))
        assert found.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"[]", {}, {"events": {}}, {"events": [{}] * 201}])
def test_a_call_that_has_no_list_of_events_can_not_be_read(body: Any) -> None:
    with pytest.raises(BadEvent):
        zendesk().parse_events(request(body))


def test_what_is_no_event_is_left_out_and_the_rest_is_read() -> None:
    good = {"id": "e1", "type": "conversation:read"}
    assert len(zendesk().parse_events(request({"events": [1, None, {}, {"type": "x"}, good]}))) == 1


# --- What events mean -------------------------------------------------------------------------------------------------


def test_only_where_our_integration_is_the_active_one_a_customer_is_answered() -> None:
    """By `integrationId`: the seat in the switchboard has an id of its own."""
    assert isinstance(parsed("conversation:message", message=message(TEXT)), MessageReceived)
    for active in (THEIRS, "5eec", None):
        found = parsed("conversation:message", active, message=message(TEXT))
        assert isinstance(found, DeskSaid)
        assert (found.says, found.text) == ("visitor", "hello")


def test_a_customer_is_known_by_what_came_along() -> None:
    user = {"id": "u1", "externalId": "912382197", "authenticated": True}
    profile = {"givenName": "Jane", "surname": "Doe", "email": "jane@example.com", "locale": "fr-CA"}
    plain = message(TEXT)
    assert parsed("conversation:message", message=plain).user == {"name": "Steve Rogers"}
    plain["author"]["user"] = {**user, "profile": profile}
    full = parsed("conversation:message", message=plain)
    assert full.user == {"id": "912382197", "name": "Jane Doe", "email": "jane@example.com"}
    assert full.locale == "fr-CA"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "text", "text": "Yes", "payload": "yes"}, "Yes"),
        ({"type": "location", "coordinates": {"lat": 45.5, "long": -73.5}}, "Location: 45.5, -73.5"),
        (
            {
                "type": "formResponse",
                "fields": [
                    {"type": "text", "label": "Name", "text": "Jane"},
                    {"type": "email", "name": "mail", "email": "jane@example.com"},
                    {"type": "select", "label": "Colour", "select": [{"label": "Red"}, {"label": "Blue"}]},
                ],
            },
            "Name: Jane\nmail: jane@example.com\nColour: Red, Blue",
        ),
        (
            {"type": "carousel", "items": [{"title": "Tee", "description": "Soft"}, {"title": "Cap"}]},
            "- Tee Soft\n- Cap",
        ),
        ({"type": "hologram"}, "[hologram]"),
        ({"type": "image", "mediaUrl": "https://cdn.example/a.png"}, ""),
    ],
)
def test_whatever_form_a_message_has_it_is_read_in_words(content: Any, text: str) -> None:
    assert parsed("conversation:message", message=message(content)).text == text


def test_a_file_is_fetched_while_we_have_control_and_a_line_while_agents_have() -> None:
    content = {
        "type": "file",
        "mediaUrl": "https://cdn.example/a.pdf",
        "mediaType": "application/pdf",
        "altText": "Bill",
    }
    ours = parsed("conversation:message", message=message(content))
    assert ours.media == ({"url": "https://cdn.example/a.pdf", "content_type": "application/pdf", "name": "Bill"},)
    assert parsed("conversation:message", THEIRS, message=message(content)).text == "Bill: https://cdn.example/a.pdf"
    odd = message({"type": "file", "mediaUrl": "http://169.254.169.254/"})
    assert parsed("conversation:message", message=odd).media == ()


@pytest.mark.parametrize(
    "more",
    [
        {"metadata": {"convoship": "d1"}},
        {"activity": {"type": "ticket:closed"}},
        {"author": {"type": "business", "subtypes": ["activity"]}},
        {"deleted": True},
    ],
)
def test_what_nobody_said_to_anybody_is_left_out(more: dict[str, Any]) -> None:
    assert isinstance(parsed("conversation:message", THEIRS, message=message(TEXT, "business", **more)), NotUsed)


def test_a_postback_is_a_tap_while_we_have_control() -> None:
    tap: dict[str, Any] = {"postback": {"payload": "yes"}, "user": {"id": "u1"}}
    assert parsed("conversation:postback", **tap).payload == "yes"
    assert isinstance(parsed("conversation:postback", THEIRS, **tap), NotUsed)


@pytest.mark.parametrize(
    ("kind", "active", "reason"),
    [
        ("switchboard:passControl", OURS, "ticketClosed"),
        ("switchboard:passControl", OURS, ""),
        ("switchboard:releaseControl", None, "ticketClosed"),
    ],
)
def test_that_control_comes_back_is_asked_for_and_not_believed(kind: str, active: str | None, reason: str) -> None:
    """The call may be of an earlier hand-over, and late."""
    found = parsed(kind, active, reason=reason)
    assert isinstance(found, DeskSaid)
    assert found.says == "changed"


def test_control_that_goes_to_somebody_else_changes_nothing_here() -> None:
    assert isinstance(parsed("switchboard:passControl", THEIRS), NotUsed)


def test_a_delivery_that_failed_for_good_is_a_status_of_its_message() -> None:
    failed: dict[str, Any] = {"message": {"id": "m1"}, "error": {"code": "bad_request", "message": "No such number"}}
    found = parsed("conversation:message:delivery:failure", isFinalEvent=True, **failed)
    assert isinstance(found, StatusReported)
    assert (found.provider_id, found.status, found.code) == ("m1", "failed", "bad_request")
    assert found.reason == "Zendesk could not deliver it: No such number."


# --- What is planned --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["a", "\n", '"', "é", "🫖"])
def test_what_agents_are_told_fits_zendesks_four_kilobytes_whatever_it_is_written_in(letter: str) -> None:
    them = case(Person(name=letter.strip() * 100), reason=letter * 500)
    turns = [said(f"{number} {letter * 400}", number) for number in range(1, 40)]
    (planned,) = messaging.opened(them, turns, PAGE, "c1")
    metadata = planned.content["metadata"]
    assert len(json.dumps(metadata, ensure_ascii=False).encode()) <= LARGEST_METADATA
    assert all(isinstance(value, str) for value in metadata.values())
    # The end of it is what counts: the beginning stands in our own page.
    assert metadata["convoship_transcript"].endswith(turns[-1].text)
    assert metadata["convoship_transcript"].startswith("…")


def test_a_long_answer_goes_in_pieces_and_buttons_with_the_last() -> None:
    buttons = {"type": "buttons", "buttons": [{"label": "Yes", "payload": "yes"}]}
    answer = said("x" * 5000, 2, "assistant", blocks=[buttons])
    one, other = messaging.messages([answer], "c1", uuid4())
    assert (len(one.content["text"]), "actions" in one.content) == (4096, False)
    assert other.content["actions"] == [{"type": "reply", "text": "Yes", "payload": "yes"}]


@pytest.mark.parametrize(
    "buttons",
    [
        [{"label": f"{number}", "payload": f"{number}"} for number in range(11)],
        [{"label": "Yes", "payload": "yes"}, {"label": "Shop", "url": "https://shop.example/"}],
    ],
)
def test_buttons_that_zendesk_would_refuse_stand_in_the_words(buttons: list[dict[str, str]]) -> None:
    answer = said("Well?", 2, "assistant", blocks=[{"type": "buttons", "buttons": buttons}])
    (planned,) = messaging.messages([answer], "c1", uuid4())
    assert "actions" not in planned.content
    assert f"1. {buttons[0]['label']}" in planned.content["text"]


def test_what_an_agent_said_in_zendesk_is_not_sent_back_to_it() -> None:
    theirs = said("Hello.", 2, "agent", client_id="desk:e1")
    members = said("Hello.", 3, "agent", client_id="c1")
    notice = said("Olga has joined.", 4, "system")
    assert messaging.messages([theirs], "c1", uuid4()) == []
    assert len(messaging.messages([members], "c1", uuid4())) == 1
    # That an agent has come is shown by Zendesk; who else comes is nobody's to say but ours.
    assert messaging.messages([notice], "c1", uuid4(), agents_have_it=True) == []
    assert len(messaging.messages([notice], "c1", uuid4())) == 1


def test_only_what_the_assistant_says_is_told_as_written_by_ai() -> None:
    turns = [said("Hi.", 2, "assistant"), said("Hello.", 3, "agent", client_id="c1"), said("Wait.", 4, "system")]
    planned = messaging.messages(turns, "c1", uuid4())
    assert ["is_ai" in one.content for one in planned] == [True, False, False]


# --- What its answers mean --------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "words", "remedy"),
    [
        (401, "refuses the credentials. It says: Authorization is required", "Make a key in Admin Center"),
        (403, "forbids it. It says: Authorization is required", "belongs to another app"),
        (404, "(404). It says: Authorization is required", "compare the app's ID"),
        (429, "asks for time. It says: Authorization is required", "tried again"),
        (503, "asks for time.", "tried again"),
    ],
)
async def test_its_errors_are_told_in_plain_words_with_what_to_do(
    far: FarEnd, status: int, words: str, remedy: str
) -> None:
    body = {"errors": [{"code": "unauthorized", "title": "Authorization is required"}]}
    far.script(Said(status, {"Retry-After": "9"}, json.dumps(body).encode()))
    with pytest.raises(ProviderError) as found:
        await Messaging(zendesk(f"http://127.0.0.1:{far.port}").account).call("GET", "")
    assert words in found.value.words
    assert remedy in found.value.remedy
    assert found.value.retry_after == (9 if status in {429, 503} else None)


@pytest.mark.asyncio
async def test_a_page_of_html_is_no_answer(far: FarEnd) -> None:
    far.script(Said(502, {}, b"<h1>Bad gateway</h1>"))
    with pytest.raises(ProviderError) as found:
        await Messaging(zendesk(f"http://127.0.0.1:{far.port}").account).call("POST", "/x", {})
    assert found.value.ambiguous
