"""Zendesk's tickets without Zendesk: whose calls are taken, what is planned, and what its answers mean."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app.providers import oauth
from channels_app.providers.base import Account, BadEvent, InboundRequest, Outgoing, ProviderError, SignatureInvalid
from channels_app.providers.desk_port import CaseThere, KnownCase
from channels_app.providers.events import DeskSaid, NotUsed
from channels_app.providers.zendesk import setup, tickets, webhooks
from channels_app.providers.zendesk.api import Api
from channels_app.providers.zendesk.provider import Zendesk
from deployments.desks import Case
from deployments.models import Conversation, Handoff, Message, Person
from tests.channels.far_end import FarEnd, Said, Seen

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
STAMP = "2026-11-22T09:59:58Z"
SECRET = "zy3dJpk8NkXGz0aRsVsqjA6YVKsVbEHWIbDrVSzuIBE="
CLIENT = {"client_id": "convoship", "client_secret": "s", "webhook_secret": SECRET}


def account(url: str = "", credentials: dict[str, str] | None = None, **config: Any) -> Account:
    given = CLIENT if credentials is None else credentials
    config = {"subdomain": "acme", "mode": "tickets", **config}
    return Account(uuid4(), "Zendesk", config, given, {}, "https://convoship.example/in", "", url)


# --- Signatures -------------------------------------------------------------------------------------------------------

BODY = b'{"ticket_id": "35436"}'


def signed(body: bytes = BODY, stamp: str = STAMP, secret: str = SECRET, **changes: Any) -> InboundRequest:
    """A call as developer.zendesk.com/documentation/webhooks/verifying says that it is signed."""
    digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    headers = {
        "x-zendesk-webhook-signature": base64.b64encode(digest).decode(),
        "x-zendesk-webhook-signature-timestamp": stamp,
        "x-zendesk-webhook-invocation-id": "8350205582",
    }
    given: dict[str, Any] = {"method": "POST", "url": "https://convoship.example/in", "part": "", "query": {}}
    given |= {"headers": headers, "content_type": "application/json", "body": body, "arrived_at": NOW}
    return InboundRequest(**{**given, **changes})


def refused(request: InboundRequest, secret: str = SECRET) -> str:
    with pytest.raises(SignatureInvalid) as found:
        Zendesk(account(credentials={"webhook_secret": secret})).validate_request(request)
    assert found.value.detail
    return found.value.reason


def test_what_the_webhooks_secret_signed_is_taken() -> None:
    Zendesk(account()).validate_request(signed())
    # Computed once by another program, so that both sides can't be wrong alike.
    assert webhooks.signature("secret", "2021-03-25T05:09:27Z", b"{}") == "GhpvRAaZJm2qK40ZLj6n1F3eNwgxlwXQSHVuQ3hNtsA="


@pytest.mark.parametrize("stamp", ["2026-11-22T09:55:00Z", "2026-11-22T10:05:00Z", "2026-11-22T10:00:00.123+00:00"])
def test_it_is_taken_within_five_minutes(stamp: str) -> None:
    Zendesk(account()).validate_request(signed(stamp=stamp))


@pytest.mark.parametrize("stamp", ["2026-11-22T09:54:59Z", "2026-11-22T10:05:01Z", "2021-03-25T05:09:27Z"])
def test_an_old_call_is_refused_however_well_it_is_signed(stamp: str) -> None:
    assert refused(signed(stamp=stamp)) == "timestamp_old"


def test_a_changed_byte_of_the_body_or_of_the_timestamp_is_refused() -> None:
    good = signed()
    for at in range(len(BODY)):
        changed = bytes([*BODY[:at], BODY[at] ^ 1, *BODY[at + 1 :]])
        assert refused(dataclasses.replace(good, body=changed)) == "signature_wrong"
    later = {**good.headers, "x-zendesk-webhook-signature-timestamp": "2026-11-22T09:59:59Z"}
    assert refused(dataclasses.replace(good, headers=later)) == "signature_wrong"


@pytest.mark.parametrize("lacks", ["x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"])
def test_a_call_without_signature_or_timestamp_is_refused(lacks: str) -> None:
    headers = {name: value for name, value in signed().headers.items() if name != lacks}
    assert refused(signed(headers=headers)) == "signature_missing"


def test_a_timestamp_that_is_none_is_refused() -> None:
    assert refused(signed(stamp="yesterday")) == "timestamp_wrong"


def test_without_a_secret_nothing_is_taken() -> None:
    assert refused(signed(secret=""), secret="") == "no_secret"


def test_the_documentations_sample_secret_is_nobodys() -> None:
    sample = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
    assert refused(signed(secret=sample), secret=sample) == "no_secret"


# --- What is read of a call -------------------------------------------------------------------------------------------


def parsed(body: Any, **changes: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (event,) = Zendesk(account()).parse_events(signed(raw, **changes))
    return event


def test_a_triggers_body_says_in_which_ticket_something_happened() -> None:
    event = parsed(BODY)
    assert isinstance(event, DeskSaid)
    assert (event.address, event.says, event.key) == ("35436", "changed", "invocation:8350205582")
    assert parsed({"ticket_id": 35436}).address == "35436"


def test_an_events_body_says_it_too() -> None:
    body = {
        "type": "zen:event-type:ticket.comment_added",
        "id": "01HDXYZ",
        "subject": "zen:ticket:35436",
        "time": STAMP,
        "detail": {"id": "35436", "status": "OPEN", "actor_id": "8447388090494"},
        "event": {"comment": {"id": "1", "body": "Hello", "is_public": True}},
    }
    assert (parsed(body).address, parsed(body).says) == ("35436", "changed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ticket_id": "{{ticket.id}}"},
        {"ticket_id": "0"},
        {"ticket_id": "1" * 20},
        {"ticket_id": ["35436"]},
        {"detail": "35436"},
        {"detail": {"id": None}},
    ],
)
def test_a_body_that_names_no_ticket_is_said_to_be_of_no_use(body: Any) -> None:
    assert isinstance(parsed(body), NotUsed)


@pytest.mark.parametrize("body", [b"", b"ticket_id=35436", b"[35436]", b'"35436"', b'{"ticket_id": "35'])
def test_a_body_that_is_no_object_of_json_can_not_be_read(body: bytes) -> None:
    with pytest.raises(BadEvent) as found:
        parsed(body)
    assert "body" in found.value.errors


def test_calls_without_an_invocations_id_are_known_by_when_they_were_signed() -> None:
    def key(stamp: str) -> str:
        made = signed(stamp=stamp)
        headers = {name: value for name, value in made.headers.items() if "invocation" not in name}
        return str(Zendesk(account()).parse_events(dataclasses.replace(made, headers=headers))[0].key)

    assert key(STAMP) == key(STAMP)
    assert key(STAMP) != key("2026-11-22T09:59:59Z")


# --- What is planned --------------------------------------------------------------------------------------------------


def case(person: Person | None = None, **handoff: Any) -> Case:
    person = person or Person(name="Ada Lovelace")
    conversation = Conversation(person=person, channel="web", locale="en")
    return Case(Handoff(conversation=conversation, cause="visitor", offers=1, **handoff), conversation)


def said(text: str, seq: int = 1, kind: str = "visitor", **more: Any) -> Message:
    return Message(author_kind=kind, text=text, seq=seq, created_at=NOW, **more)


def opened(of: Case, *messages: Message, **config: Any) -> list[Any]:
    return Zendesk(account(**config)).plan_opened(of, messages, "https://convoship.example/app/conversations/1/")


def test_a_case_opens_with_what_the_visitor_said_last_and_all_of_it_as_a_note() -> None:
    them, turns = case(), [said("My kettle leaks."), said("Oh dear.", 2, "assistant", author_name="Ava")]
    ticket, note = opened(them, *turns)
    assert (ticket.what, note.what) == ("handoff.opened", "handoff.transcript")
    assert ticket.content["text"] == "My kettle leaks."
    assert ticket.content["ticket"]["external_id"] == them.key
    assert ticket.content["ticket"]["subject"] == "My kettle leaks."
    assert "[10:00] Ada Lovelace: My kettle leaks.\n[10:00] Ava (assistant): Oh dear." in note.content["note"]


def test_an_email_that_somebody_only_typed_makes_nobody_of_them() -> None:
    typed = case(Person(name="Ada", email="boss@example.com"))
    assert "email" not in opened(typed, said("Hi"))[0].content["requester"]
    answered = case(answers={"email": "boss@example.com"})
    assert "email" not in opened(answered, said("Hi"))[0].content["requester"]
    assert "boss@example.com (not verified)" in opened(answered, said("Hi"))[1].content["note"]
    proven = case(Person(name="Ada", email="ada@example.com", external_id="u1"))
    assert opened(proven, said("Hi"))[0].content["requester"]["email"] == "ada@example.com"


def test_strangers_are_each_a_requester_of_their_own() -> None:
    one, other = (opened(case(Person()), said("Hi"))[0].content["requester"] for _ in range(2))
    assert one["external_id"] != other["external_id"]
    assert one["name"].startswith("Visitor ")


def test_a_ticket_has_our_tag_and_those_of_the_settings_and_goes_where_they_say() -> None:
    ticket = opened(case(), said("Hi"), tags="vip, shop", group_id=98738, priority="high")[0].content["ticket"]
    assert ticket["tags"] == ["convoship", "vip", "shop"]
    assert (ticket["group_id"], ticket["priority"]) == (98738, "high")
    assert not {"group_id", "priority"} & set(opened(case(), said("Hi"))[0].content["ticket"])


def test_a_long_conversation_is_several_notes_and_none_is_too_long() -> None:
    turns = [said(f"{number:03} {'x' * 990}", number + 1) for number in range(60)]
    _, *notes = opened(case(), *turns)
    assert len(notes) == 4
    assert all(len(one.content["note"]) <= tickets.LONGEST_COMMENT for one in notes)
    whole = "\n".join(one.content["note"] for one in notes)
    assert all(message.text in whole for message in turns)


def test_what_a_program_says_is_a_note_and_no_comment_of_the_visitors() -> None:
    (planned,) = Zendesk(account()).plan_turn(case(), said("Your parcel left.", 2, "agent", author_name="Shop"))
    assert planned.content == {"note": "Shop wrote to the visitor: Your parcel left."}
    (theirs,) = Zendesk(account()).plan_turn(case(), said("Thanks.", 3))
    assert theirs.content["turns"] == [{"text": "Thanks.", "files": [], "at": "2026-11-22T10:00:00.000Z"}]


def test_turns_go_together_until_they_are_many_or_long() -> None:
    def turns(*texts: str) -> dict[str, Any]:
        return {"turns": [{"text": text, "files": [], "at": ""} for text in texts]}

    join = Zendesk(account()).join_turns
    assert join(turns("a"), turns("b", "c")) == turns("a", "b", "c")
    assert join(turns(*"abcdefghij"), turns(*"abcdefghijk")) is None
    assert join(turns("x" * 15_000), turns("x" * 6_000)) is None
    assert join(turns("a"), {"note": "b"}) is None
    assert join({"note": "a"}, turns("b")) is None


@pytest.mark.parametrize(
    ("outcome", "on_end", "solves"),
    [("ended", "leave", False), ("ended", "solve", True), ("resolved", "leave", True), ("nobody_came", "leave", False)],
)
def test_a_case_that_is_over_leaves_a_note_and_solves_the_ticket_where_that_is_wished(
    outcome: str, on_end: str, solves: bool
) -> None:
    (planned,) = Zendesk(account(on_end=on_end)).plan_closed(case(), outcome, "The visitor left.")
    assert planned.content["solves"] is solves
    assert planned.content["note"].startswith("Convoship: The visitor left.")


# --- What goes out ----------------------------------------------------------------------------------------------------


class End:
    """A Zendesk that answers by method and path, as a test says; tokens it gives to everybody."""

    def __init__(self, far: FarEnd) -> None:
        self.far, self.tokens = far, 0
        self.answers: dict[str, list[Said]] = {}
        far.answers = self._answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.far.port}"

    def on(self, what: str, *answers: tuple[int, Any] | Said) -> None:
        made = [one if isinstance(one, Said) else Said(one[0], body=json.dumps(one[1]).encode()) for one in answers]
        self.answers[what] = made

    def _answer(self, request: Seen) -> Said:
        path = request.path.partition("?")[0]
        if path == "/oauth/tokens" and f"POST {path}" not in self.answers:
            self.tokens += 1
            return Said(body=json.dumps({"access_token": f"token-{self.tokens}", "expires_in": 3600}).encode())
        left = self.answers.get(f"{request.method} {path}")
        assert left, f"{request.method} {path}"
        return left.pop(0) if len(left) > 1 else left[0]

    def seen(self, what: str) -> list[Seen]:
        return [one for one in self.far.seen if f"{one.method} {one.path.partition('?')[0]}" == what]


@pytest.fixture
def end(far: FarEnd, monkeypatch: pytest.MonkeyPatch) -> End:
    monkeypatch.setattr(oauth, "_kept", {})
    return End(far)


TICKET = {"id": 35436, "status": "new", "requester_id": 7, "assignee_id": None}
MADE = {"ticket": TICKET, "audit": {"events": [{"id": 41, "type": "Comment"}]}}
USERS, TICKETS = "POST /api/v2/users/create_or_update", "POST /api/v2/tickets"
ONE = "PUT /api/v2/tickets/35436"


def opening(**more: Any) -> Outgoing:
    requester = {"external_id": "convoship:1", "name": "Ada"}
    content = {"requester": requester, "ticket": {"subject": "Hi", "tags": ["convoship"], "external_id": "k.1"}}
    content |= {"text": "Hi", "files": [], **more}
    return Outgoing(str(uuid4()), "k.1", content, case=KnownCase("k.1"))


async def sent(end: End, what: Outgoing, credentials: dict[str, str] | None = None) -> Any:
    return await Zendesk(account(end.url, credentials)).send(what)


@pytest.mark.asyncio
async def test_a_token_is_fetched_once_and_again_after_it_was_refused(end: End) -> None:
    end.on(USERS, (200, {"user": {"id": 7}}))
    end.on(TICKETS, (201, MADE), (401, {"error": "invalid_token"}), (201, MADE))
    for _ in range(2):
        receipt = await sent(end, opening())
        assert (receipt.provider_id, receipt.case.ref, receipt.case.number) == ("41", "35436", "#35436")
    assert end.tokens == 2
    tokens = [one.headers["authorization"] for one in end.far.seen if "authorization" in one.headers]
    assert tokens == ["Bearer token-1"] * 4 + ["Bearer token-2"]
    asked = end.seen("POST /oauth/tokens")[0].json
    assert (asked["grant_type"], asked["client_id"], asked["scope"]) == (
        "client_credentials",
        "convoship",
        "read write",
    )
    keys = [one.headers["idempotency-key"] for one in end.seen(TICKETS)]
    assert (len(set(keys)), keys[1]) == (2, keys[2])


@pytest.mark.asyncio
async def test_an_api_token_is_used_while_zendesk_takes_it(end: End) -> None:
    end.on(USERS, (200, {"user": {"id": 7}}))
    end.on(TICKETS, (201, MADE))
    await sent(end, opening(), {"email": "me@example.com", "api_token": "t0ken"})
    given = {one.headers["authorization"] for one in end.far.seen}
    assert given == {f"Basic {base64.b64encode(b'me@example.com/token:t0ken').decode()}"}
    assert end.tokens == 0


HTML = Said(200, {"Content-Type": "text/html"}, b"<h1>It works!</h1>")
LIMITED = Said(429, {"Retry-After": "17"}, b"<h1>Number of allowed API requests per minute exceeded</h1>")
Check = Callable[[ProviderError], bool]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "words", "check"),
    [
        (
            (403, {"error": {"title": "Forbidden", "message": "You do not have access to this page."}}),
            "forbids it. It says: Forbidden: You do not have access",
            lambda error: error.stops and error.blame == "connection" and "role of an agent" in error.remedy,
        ),
        (
            (404, {"error": "RecordNotFound", "description": "Not found"}),
            "(404). It says: Not found",
            lambda error: error.permanent and error.blame == "message" and "merged or deleted" in error.remedy,
        ),
        (
            (
                422,
                {
                    "error": "RecordInvalid",
                    "description": "Record validation errors",
                    "details": {"group": [{"description": "Group: is invalid"}]},
                },
            ),
            "(422). It says: Group: is invalid",
            lambda error: error.permanent and "Mend what it names" in error.remedy,
        ),
        (
            (409, {"error": "UpdateConflict", "description": "Somebody else changed it meanwhile"}),
            "changed it at the same time. It says: Somebody else changed it meanwhile",
            lambda error: not error.permanent and not error.ambiguous and "tried again" in error.remedy,
        ),
        (LIMITED, "asks for time.", lambda error: error.retry_after == 17 and not error.permanent),
        ((503, {}), "asks for time.", lambda error: error.ambiguous),
        ((500, {}), "broke.", lambda error: error.ambiguous),
        (HTML, "something that is no JSON", lambda error: error.ambiguous and "in a browser" in error.remedy),
    ],
)
async def test_an_answer_that_is_none_is_told_in_plain_words_with_what_to_do(
    end: End, answer: Any, words: str, check: Check
) -> None:
    end.on(USERS, (200, {"user": {"id": 7}}))
    end.on(TICKETS, answer)
    with pytest.raises(ProviderError) as found:
        await sent(end, opening())
    assert words in found.value.words
    assert found.value.remedy
    assert check(found.value)


@pytest.mark.asyncio
async def test_a_sign_in_that_answers_without_a_token_is_said_and_not_sent_on(end: End) -> None:
    end.on("POST /oauth/tokens", (200, {"token_type": "bearer"}))
    with pytest.raises(ProviderError, match="Zendesk answered the sign-in without a token"):
        await sent(end, opening())
    assert end.seen(USERS) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [400, 401])
async def test_a_client_that_zendesk_does_not_know_stops_the_connection(end: End, status: int) -> None:
    end.on("POST /oauth/tokens", (status, {"error": "invalid_client", "error_description": "Unknown client."}))
    with pytest.raises(ProviderError) as found:
        await sent(end, opening())
    error = found.value
    assert error.words == "Zendesk refuses the OAuth client. Unknown client."
    assert "OAuth clients" in error.remedy
    assert (error.stops, error.blame, error.http_status) == (True, "connection", status)


@pytest.mark.asyncio
async def test_a_token_that_is_refused_twice_stops_the_connection(end: End) -> None:
    end.on(USERS, (401, {"error": "invalid_token", "error_description": "The access token is revoked."}))
    with pytest.raises(ProviderError) as found:
        await sent(end, opening())
    assert found.value.words == "Zendesk refuses the credentials. It says: The access token is revoked."
    assert (found.value.stops, end.tokens) == (True, 2)


# --- Who asks ---------------------------------------------------------------------------------------------------------

SEARCH = "GET /api/v2/search"


@pytest.mark.asyncio
async def test_somebody_whom_zendesk_knows_by_a_verified_email_stays_as_they_are_there(end: End) -> None:
    """An agent stays one, and nobody loses the name or the external id that the company gave them."""
    known = {"id": 99, "email": "Ada@example.com", "role": "agent", "external_id": "crm-1", "result_type": "user"}
    end.on(SEARCH, (200, {"results": [{"id": 98, "email": "not-ada@example.com"}, known]}))
    end.on(TICKETS, (201, MADE))
    requester = {"external_id": "convoship:1", "name": "Ada", "email": "ada@example.com"}
    await sent(end, opening(requester=requester))
    assert end.seen(TICKETS)[0].json["ticket"]["requester_id"] == 99
    assert end.seen(TICKETS)[0].json["ticket"]["comment"]["author_id"] == 99
    assert not end.seen(USERS)


@pytest.mark.asyncio
async def test_somebody_new_is_made_as_what_zendesk_makes_everybody(end: End) -> None:
    end.on(SEARCH, (200, {"results": []}))
    end.on(USERS, (201, {"user": {"id": 7}}))
    end.on(TICKETS, (201, MADE))
    await sent(end, opening(requester={"external_id": "convoship:1", "name": "Ada", "email": "ada@example.com"}))
    await sent(end, opening())
    proven, stranger = (one.json["user"] for one in end.seen(USERS))
    assert proven == {"name": "Ada", "email": "ada@example.com", "skip_verify_email": True}
    assert stranger == {"name": "Ada", "external_id": "convoship:1", "skip_verify_email": True}
    assert len(end.seen(SEARCH)) == 1


# --- Files ------------------------------------------------------------------------------------------------------------

FILE = {"id": str(uuid4()), "name": "plan.pdf", "size": 9, "content_type": "application/pdf"}


def with_files(*files: dict[str, Any]) -> Outgoing:
    async def read_file(file_id: str) -> bytes:
        assert file_id == FILE["id"]
        return b"%PDF-1.4\n"

    return dataclasses.replace(opening(files=list(files)), read_file=read_file)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("file", "line"),
    [
        ({"name": "plan.pdf", "state": "fetching"}, "[file on its way: plan.pdf]"),
        ({"name": "plan.pdf", "state": "failed", "reason": "It is gone."}, "could not be fetched: It is gone."),
        ({**FILE, "size": 51 * 1024 * 1024}, "it is too large for Zendesk]"),
    ],
)
async def test_a_file_that_is_not_there_or_too_large_is_said_in_words(end: End, file: Any, line: str) -> None:
    end.on(USERS, (200, {"user": {"id": 7}}))
    end.on(TICKETS, (201, MADE))
    await sent(end, with_files(file))
    comment = end.seen(TICKETS)[0].json["ticket"]["comment"]
    assert line in comment["body"]
    assert "uploads" not in comment


@pytest.mark.asyncio
async def test_a_file_is_sent_up_with_its_type_and_its_token_goes_with_the_comment(end: End) -> None:
    end.on(USERS, (200, {"user": {"id": 7}}))
    end.on("POST /api/v2/uploads", (201, {"upload": {"token": "6bk3gql82em5nmf"}}))
    end.on(TICKETS, (201, MADE))
    await sent(end, with_files(FILE))
    (upload,) = end.seen("POST /api/v2/uploads")
    assert (upload.path, upload.headers["content-type"]) == ("/api/v2/uploads?filename=plan.pdf", "application/pdf")
    assert upload.body == b"%PDF-1.4\n"
    comment = end.seen(TICKETS)[0].json["ticket"]["comment"]
    assert (comment["uploads"], comment["body"]) == (["6bk3gql82em5nmf"], "Hi\n\n[file: plan.pdf]")


@pytest.mark.asyncio
async def test_a_file_that_zendesk_refuses_holds_nothing_up(end: End) -> None:
    end.on(USERS, (200, {"user": {"id": 7}}))
    end.on("POST /api/v2/uploads", (422, {"error": "AttachmentUnprocessable", "description": "It is infected"}))
    end.on(TICKETS, (201, MADE))
    await sent(end, with_files(FILE))
    body = end.seen(TICKETS)[0].json["ticket"]["comment"]["body"]
    assert body == (
        "Hi\n\n[file plan.pdf stands in the conversation only: Zendesk did not take it (422). It says: It is infected]"
    )


# --- Looked up --------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_comment_that_is_found_in_an_earlier_ticket_is_the_last_that_was_read(end: End) -> None:
    """Else what its agents said long ago would be said to the visitor again."""
    end.on("GET /api/v2/tickets", (200, {"tickets": []}))
    comment = {"id": 77, "body": "Hi", "created_at": timezone.now().isoformat(), "via": {"channel": "api"}}
    end.on("GET /api/v2/tickets/35436/comments", (200, {"comments": [comment]}))
    end.on("GET /api/v2/tickets/35436", (200, {"ticket": TICKET}))
    what = dataclasses.replace(opening(), case=KnownCase("k.2", None, CaseThere("35436")))
    found = await Zendesk(account(end.url)).look_up(what)
    assert found is not None
    assert found.case is not None
    assert (found.provider_id, found.case.about["seen"]) == ("77", 77)


TRIGGERS = "GET /api/v2/triggers"


@pytest.mark.asyncio
async def test_our_trigger_is_found_behind_a_hundred_others(end: End) -> None:
    ours = {"id": 5, "actions": [{"field": "notification_webhook", "value": ["01HOOK", "{}"]}]}
    first = {"triggers": [{"id": 4, "actions": []}], "meta": {"has_more": True, "after_cursor": "abc"}}
    end.on(TRIGGERS, (200, first), (200, {"triggers": [ours], "meta": {"has_more": False}}))
    found = await setup.find_trigger(Api(account(end.url)), "01HOOK")
    assert found == ours
    assert "abc" in end.seen(TRIGGERS)[1].path


# --- What is read of a ticket -----------------------------------------------------------------------------------------

ANNA, BEA, CARL = 7, 8, 9
TICKET_THERE, COMMENTS_THERE = "GET /api/v2/tickets/35436", "GET /api/v2/tickets/35436/comments"


def known(**about: Any) -> KnownCase:
    return KnownCase("k.1", CaseThere("35436", "#35436", "", {"requester_id": ANNA, "seen": 41, **about}))


def comment(number: int, author: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "author_id": author, "plain_body": text, "public": True, "via": {"channel": "web"}, **more}


async def looked(end: End, *comments: dict[str, Any]) -> list[Any]:
    """What a look finds in a ticket of Anna's, with Bea, an agent, and Carl, who was only copied in."""
    roles = {ANNA: ("Anna", "end-user"), BEA: ("Bea", "agent"), CARL: ("Carl", "end-user")}
    users = [{"id": whose, "name": name, "role": role} for whose, (name, role) in roles.items()]
    end.on(TICKET_THERE, (200, {"ticket": {**TICKET, "status": "open"}, "users": users}))
    end.on(COMMENTS_THERE, (200, {"comments": list(comments), "users": users}))
    return list((await Zendesk(account(end.url)).look_at(known())).events)


@pytest.mark.asyncio
async def test_only_agents_speak_to_the_visitor_and_nobody_who_was_copied_in(end: End) -> None:
    mailed = {"via": {"channel": "email"}}
    said = [comment(42, CARL, "Me too!", **mailed), comment(43, BEA, "Hello."), comment(44, ANNA, "By mail", **mailed)]
    carls, beas, annas = await looked(end, *said)
    assert isinstance(carls, NotUsed)
    assert "somebody who is no agent wrote" in carls.what
    assert isinstance(beas, DeskSaid)
    assert (beas.says, beas.name, beas.text) == ("message", "Bea", "Hello.")
    assert isinstance(annas, NotUsed)
    assert "the visitor wrote" in annas.what


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("note", "back"),
    [
        ("/bot", ""),
        ("/BOT: reset the password", "reset the password"),
        ("/bot\nreset", "reset"),
        ("/bottleneck in the database", None),
        ("/bot-like", None),
        ("see /bot", None),
    ],
)
async def test_an_internal_note_gives_back_only_by_the_whole_word(end: End, note: str, back: str | None) -> None:
    events = await looked(end, comment(42, BEA, note, public=False))
    assert [(one.says, one.text) for one in events] == ([] if back is None else [("returned", back)])


FORBIDDEN = (403, {"error": {"title": "Forbidden", "message": "You do not have access to this page."}})


@pytest.mark.asyncio
async def test_a_ticket_that_may_not_be_touched_stops_nothing_else(end: End) -> None:
    end.on(ONE, FORBIDDEN)
    end.on(TICKET_THERE, FORBIDDEN)
    zendesk = Zendesk(account(end.url))
    turn = {"turns": [{"text": "Hi", "files": [], "at": ""}]}
    for call in (zendesk.send(Outgoing(str(uuid4()), "k.1", turn, case=known())), zendesk.look_at(known())):
        with pytest.raises(ProviderError) as found:
            await call
        error = found.value
        assert (error.permanent, error.stops, error.blame, error.http_status) == (True, False, "message", 403)
        assert "forbids it for this case" in error.words
        assert error.remedy


@pytest.mark.asyncio
async def test_a_ticket_that_was_deleted_can_take_the_case_no_more(end: End) -> None:
    end.on(TICKET_THERE, (404, {"error": "RecordNotFound", "description": "Not found"}))
    (event,) = (await Zendesk(account(end.url)).look_at(known())).events
    assert isinstance(event, DeskSaid)
    assert (event.says, event.address, event.text) == (
        "unavailable",
        "35436",
        "Ticket #35436 is not at Zendesk any more.",
    )
