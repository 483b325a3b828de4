"""Genesys' stand-in: takes what Genesys' pages show, refuses what they exclude, and posts what they say is posted."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import uuid
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from channels_app.models import Connection, Rehearsal
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import Account
from channels_app.rehearsal.base import Answer, Call, Unsayable
from channels_app.rehearsal.genesys import GenesysDesk, cases, organisation

FIXTURES = Path(__file__).parent / "fixtures" / "genesys"
INTEGRATION = "c6b0e62f-8487-44fd-a218-c16e006a7a23"
HOOK = "https://convoship.example/v1/public/channels/genesys/1"
CREDENTIALS = {"client_id": "the-client", "client_secret": "the-secret", "webhook_secret": "sixteen letters or more"}
MESSAGES = "/api/v2/conversations/messages"
INBOUND = f"{MESSAGES}/{INTEGRATION}/inbound/open"
OPEN = "/api/v2/conversations/messaging/integrations/open"
PERSON = "messaging-user@externalservice.com"


def fixture(name: str) -> dict[str, Any]:
    """A page's own example."""
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return found


class Genesys:
    """A stand-in with nothing in a database, and a client that has logged in."""

    def __init__(self) -> None:
        self.rehearsal = Rehearsal(contents=GenesysDesk.contents(""))
        account = Account(
            connection_id=uuid.uuid4(),
            name="Genesys",
            config={"region": "eu-central-1", "integration_id": INTEGRATION},
            credentials=CREDENTIALS,
            secrets={},
            inbound_url=HOOK,
            status_url=f"{HOOK}/status",
        )
        self.desk = GenesysDesk(Connection(), self.rehearsal, account)
        self.token = ""
        self.token = json.loads(self.login().content)["access_token"]

    def login(self, **more: Any) -> Answer:
        user = more.pop("user", "the-client:the-secret")
        form = more.pop("form", {"grant_type": "client_credentials"})
        headers = {
            "authorization": f"Basic {b64encode(user.encode()).decode()}",
            "content-type": "application/x-www-form-urlencoded",
            **more,
        }
        return self.ask(Call("POST", "/oauth/token", {}, headers, urlencode(form).encode()))

    def ask(self, call: Call) -> Answer:
        """As the product's own address does with a call."""
        refused = self.desk.refuse(call)
        fault = self.rehearsal.fault if refused is None and self.desk.meets(call) else ""
        return refused or self.desk.answer(call, fault)

    def call(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Answer:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        return self.ask(Call(method, path, query or {}, headers, raw))

    def get(self, path: str, **query: str) -> dict[str, Any]:
        answer = self.call("GET", path, query=query)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = json.loads(answer.content or answer.body)
        return found

    def write(self, text: str = "Hello", message_id: str = "m1", **more: Any) -> Answer:
        """A customer's message."""
        sender = more.pop("sender", {"id": PERSON, "idType": "Email", "nickname": "Bob"})
        time = more.pop("time", "2026-11-28T10:00:00.000Z")
        body = {"channel": {"from": sender, "time": time, "messageId": message_id}, "text": text, **more}
        return self.call("POST", f"{INBOUND}/message", body, {"prefetchConversationId": "true"})

    def begun(self) -> str:
        """A conversation; its id."""
        return str(json.loads(self.write().body)["conversationId"])

    def do(self, does: str, ref: str, **more: str) -> Any:
        return self.desk.say({"address": ref, "does": does, **more})


@pytest.fixture
def genesys(monkeypatch: pytest.MonkeyPatch) -> Genesys:
    monkeypatch.setattr(Rehearsal, "save", lambda self, **kwargs: None)
    return Genesys()


def contains(whole: Any, part: Any) -> bool:
    """Whether all that stands in `part` stands in `whole`."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and contains(whole[k], v) for k, v in part.items())
    return bool(whole == part)


def shape_of(value: Any) -> Any:
    """The names, without the values."""
    if isinstance(value, dict):
        return {name: shape_of(one) for name, one in value.items()}
    return [shape_of(one) for one in value] if isinstance(value, list) else type(value)


# --- The pages' own examples ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("inbound_message", "inbound_metadata_not_strings", "inbound_custom_attributes", "inbound_nothing_said"),
        "agentless",
    ],
)
def test_what_a_page_shows_is_answered_as_it_says(genesys: Genesys, name: str) -> None:
    shown = fixture(name)
    asked = shown["request"]
    answer = genesys.call(asked["method"], asked["path"], asked["body"], asked["query"])
    assert answer.status == shown["response"]["status"], answer.body
    assert contains(json.loads(answer.body), shown["response"]["body"])


@pytest.mark.parametrize(
    ("name", "status"), [("receipt_delivered", "delivery-success"), ("receipt_failed", "delivery-failed")]
)
def test_a_receipt_of_the_page_is_taken_for_an_agents_message(genesys: Genesys, name: str, status: str) -> None:
    ref = genesys.begun()
    sent = json.loads(genesys.do("reply", ref, text="Hi").body)
    shown = fixture(name)
    body = {**shown["request"]["body"], "id": sent["id"]}
    answer = genesys.call("POST", f"{INBOUND}/receipt", body)
    assert answer.status == 200, answer.body
    assert contains(json.loads(answer.body), {"id": sent["id"], **shown["response"]["body"]})
    message = genesys.get(f"{MESSAGES}/{ref}/messages/{sent['id']}")
    assert message["status"] == status
    assert message["normalizedReceipts"][0]["status"] == body["status"]
    customer = genesys.get(f"{MESSAGES}/{ref}")["participants"][0]
    assert ("errorInfo" in customer) == (name == "receipt_failed")


def test_an_agents_message_has_the_shape_that_an_organisation_sent(genesys: Genesys) -> None:
    ref = genesys.begun()
    saying = genesys.do("reply", ref, text="Hello there!", name="Alex")
    body = json.loads(saying.body)
    assert saying.url == HOOK
    assert contains(shape_of(body), shape_of(fixture("webhook_text")["request"]["body"]))
    later = fixture("webhook_choices")["request"]["body"]
    assert shape_of(body) == shape_of({name: one for name, one in later.items() if name != "content"})
    assert body["conversationId"] == ref
    assert body["id"] == body["channel"]["messageId"]
    assert body["channel"]["to"] == {"id": PERSON, "idType": "Email"}
    assert body["channel"]["from"]["nickname"] == organisation.INTEGRATION_NAME
    assert (body["text"], body["direction"], body["originatingEntity"]) == ("Hello there!", "Outbound", "Human")


def test_typing_has_the_shape_of_the_page(genesys: Genesys) -> None:
    saying = genesys.do("typing", genesys.begun())
    body = json.loads(saying.body)
    shown = fixture("webhook_typing")["request"]["body"]
    assert contains(shape_of(body), shape_of(shown))
    assert set(body) - set(shown) == {"conversationId"}
    assert body["events"] == shown["events"]


def test_a_bots_choices_have_the_shape_that_an_organisation_sent_and_are_answered(genesys: Genesys) -> None:
    ref = genesys.begun()
    saying = genesys.do("choices", ref, text="Do you want to proceed? | Yes | No")
    body, shown = json.loads(saying.body), fixture("webhook_choices")["request"]["body"]
    assert shape_of(body) == shape_of(shown)
    for name in ("type", "text", "content", "originatingEntity", "direction"):
        assert body[name] == shown[name]
    channel = {"from": {"id": PERSON, "idType": "Email"}, "time": "2026-11-28T10:01:00Z", "messageId": "m2"}
    tapped = {"type": "QuickReply", "text": "Yes", "payload": "Yes"}
    good = {"channel": channel, "buttonResponse": tapped, "originatingMessageId": body["id"]}
    path = f"{INBOUND}/structured/response"
    for change, status in (
        ({"originatingMessageId": "0" * 32}, 404),
        ({"buttonResponse": {**tapped, "payload": "Maybe"}}, 400),
        ({"buttonResponse": {"text": "Yes", "payload": "Yes"}}, 400),
        ({"buttonResponse": {**tapped, "type": "DatePicker"}}, 400),
        ({"text": "Yes"}, 400),
    ):
        assert genesys.call("POST", path, {**good, **change}).status == status
    answer = genesys.call("POST", path, good)
    assert (answer.status, answer.kind, answer.text, answer.address) == (200, LineKind.CAUGHT, "Yes", ref)
    told = json.loads(answer.body)
    assert told["type"] == "Structured"
    assert told["content"] == [{"contentType": "ButtonResponse", "buttonResponse": tapped}]
    with pytest.raises(Unsayable):
        genesys.do("choices", ref, text="Only a question?")


def test_too_many_requests_are_answered_in_the_pages_form(genesys: Genesys) -> None:
    shown = fixture("too_many_requests")["response"]
    genesys.rehearsal.fault = "limited"
    answer = genesys.write()
    body = json.loads(answer.body)
    assert answer.status == 429
    assert list(body) == list(shown["body"])
    assert (body["code"], body["details"], body["errors"]) == (shown["body"]["code"], [], [])
    assert (
        body["message"]
        == f"Rate limit exceeded the maximum. Retry the request in [{answer.headers['Retry-After']}] seconds"
    )
    assert not genesys.desk.cases()


# --- Who may call ---------------------------------------------------------------------------------------------------


def test_a_login_gives_a_token_that_no_line_shows(genesys: Genesys) -> None:
    answer = genesys.login()
    given = json.loads(answer.content)
    assert list(given) == ["access_token", "token_type", "expires_in"]
    assert given["token_type"] == "bearer"
    assert given["access_token"] not in answer.body
    assert given["access_token"] not in json.dumps(genesys.rehearsal.contents)


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"user": "another:the-secret"}, 400, "invalid_client"),
        ({"user": "the-client:wrong"}, 401, "invalid_client"),
        ({"user": ":"}, 400, "invalid_client"),
        ({"authorization": "Bearer x"}, 400, "invalid_client"),
        ({"authorization": "Basic %%%"}, 400, "invalid_client"),
        ({"form": {"grant_type": "password"}}, 400, "unsupported_grant_type"),
        ({"form": {}}, 400, "unsupported_grant_type"),
        ({"form": {"grant_type": "client_credentials", "scop": "x"}}, 400, "invalid_request"),
        ({"content-type": "application/json"}, 400, "invalid_request"),
    ],
)
def test_a_wrong_login_is_refused(genesys: Genesys, more: dict[str, Any], status: int, error: str) -> None:
    answer = genesys.login(**more)
    body = json.loads(answer.body)
    assert (answer.status, body["error"], answer.kind) == (status, error, LineKind.REFUSED)
    assert body["description"] == body["error_description"]


@pytest.mark.parametrize(
    ("name", "user"), [("login_client_not_found", "another:the-secret"), ("login_wrong_secret", "the-client:wrong")]
)
def test_who_is_not_known_is_told_so_as_is_shown(genesys: Genesys, name: str, user: str) -> None:
    shown = fixture(name)["response"]
    answer = genesys.login(user=user)
    assert (answer.status, json.loads(answer.body)) == (shown["status"], shown["body"])


@pytest.mark.parametrize(
    ("header", "code"),
    [("", "authentication.required"), ("Basic abc", "authentication.required"), ("Bearer nonsense", "bad.credentials")],
)
def test_without_a_good_token_nothing_is_answered(genesys: Genesys, header: str, code: str) -> None:
    answer = genesys.ask(Call("GET", "/api/v2/tokens/me", {}, {"authorization": header}, b""))
    body = json.loads(answer.body)
    assert (answer.status, answer.kind, body["code"], body["status"]) == (401, LineKind.REFUSED, code, 401)
    assert list(body) == ["message", "code", "status", "contextId", "details", "errors"]


def test_a_token_ends(genesys: Genesys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organisation, "TOKEN_SECONDS", 0)
    genesys.token = json.loads(genesys.login().content)["access_token"]
    answer = genesys.call("GET", "/api/v2/tokens/me")
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "credentials.expired")


def test_a_client_may_ask_for_its_token_and_not_for_its_user(genesys: Genesys) -> None:
    assert genesys.get("/api/v2/tokens/me")["OAuthClient"]["id"] == "the-client"
    for path in ("/api/v2/users/me", MESSAGES):
        answer = genesys.call("GET", path)
        assert answer.status == 400
        assert "requires a user context" in answer.body


# --- Messages -------------------------------------------------------------------------------------------------------


def test_a_message_opens_a_conversation_and_is_reported(genesys: Genesys) -> None:
    answer = genesys.write("Hello", "3f0e7d1c-2f31-4c58-9a3a-0f9d1a6c7a55")
    body = json.loads(answer.body)
    assert (answer.status, answer.kind, answer.text) == (200, LineKind.CAUGHT, "Hello")
    assert (answer.address, answer.provider_id) == (body["conversationId"], body["id"])
    assert answer.delivery_id == body["channel"]["messageId"] == "3f0e7d1c-2f31-4c58-9a3a-0f9d1a6c7a55"
    (report,) = answer.reports
    told = json.loads(report.body)
    assert answer.reports_to == HOOK
    assert contains(told, {"id": body["id"], "type": "Receipt", "status": "Published", "direction": "Inbound"})
    (case,) = genesys.desk.cases()
    assert (case.ref, case.title, case.status) == (answer.address, "Bob", "Waiting in the queue")
    assert [(one.role, one.text) for one in case.entries] == [("customer", "Hello")]


def test_without_prefetch_there_is_no_conversation_id(genesys: Genesys) -> None:
    body = fixture("inbound_message")["request"]["body"]
    assert "conversationId" not in json.loads(genesys.call("POST", f"{INBOUND}/message", body).body)


def test_the_same_id_at_the_same_time_is_the_same_message(genesys: Genesys) -> None:
    first, again = genesys.write("Hello"), genesys.write("Hello", time="2026-11-28T10:00:00Z")
    assert again.kind == LineKind.COPY
    assert json.loads(again.body) == json.loads(first.body)
    assert not again.reports
    other = genesys.write("Hello", time="2026-11-28T10:00:00.001Z")
    assert other.kind == LineKind.CAUGHT
    assert other.provider_id != first.provider_id
    assert other.address == first.address
    (case,) = genesys.desk.cases()
    assert len(case.entries) == 2


def test_a_file_and_attributes_reach_the_agent(genesys: Genesys) -> None:
    attachment = {"mediaType": "Image", "url": "https://files.example/a.png", "mime": "image/png", "filename": "a.png"}
    body = {
        "channel": {
            "from": {
                "id": "abc",
                "idType": "Opaque",
                "firstName": "Ann",
                "lastName": "Lee",
                "email": "ann@example.com",
            },
            "time": "2026-11-28T10:00:00Z",
            "messageId": "m1",
            "metadata": {"customAttributes": {"order": "4711"}},
        },
        "content": [{"attachment": attachment}],
    }
    answer = genesys.call("POST", f"{INBOUND}/message", body, {"prefetchConversationId": "true"})
    assert answer.media == [{"url": "https://files.example/a.png"}]
    (case,) = genesys.desk.cases()
    assert case.title == "Ann Lee"
    assert ("order", "4711") in case.facts
    assert ("E-mail", "ann@example.com") in case.facts
    assert case.entries[0].files == [{"name": "a.png", "url": "https://files.example/a.png"}]
    assert genesys.get(f"{MESSAGES}/{case.ref}")["participants"][0]["attributes"] == {"order": "4711"}


def _message(**channel: Any) -> dict[str, Any]:
    sender = {"id": PERSON, "idType": "Email"}
    return {"channel": {"from": sender, "time": "2026-11-28T10:00:00Z", "messageId": "m1", **channel}, "text": "Hello"}


_ATTACHMENT = {"mediaType": "Image", "url": "https://files.example/a.png", "mime": "image/png"}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({**_message(), "txt": "Hello"}, "bad.request", "txt"),
        ({**_message(), "direction": "Inbound"}, "bad.request", "direction"),
        ({**_message(), "type": "Text"}, "bad.request", "type"),
        (_message(to={"id": INTEGRATION}), "bad.request", "channel.to"),
        (_message(platform="Open"), "bad.request", "channel.platform"),
        ({"text": "Hello"}, "bad.request", "channel"),
        (_message(**{"from": {"idType": "Email"}}), "bad.request", "channel.from.id"),
        (_message(**{"from": {"id": "a"}}), "bad.request", "channel.from.idType"),
        (_message(**{"from": {"id": "a", "idType": "X"}}), "invalid.value", "channel.from.idType"),
        (_message(**{"from": {"id": "a", "idType": "Email", "phone": "1"}}), "bad.request", "channel.from.phone"),
        (_message(time="2026-11-28T10:00:00+01:00"), "invalid.date", "channel.time"),
        (_message(time="2026-11-28T10:00:00.123456Z"), "invalid.date", "channel.time"),
        (_message(time="2026-02-31T10:00:00Z"), "invalid.date", "channel.time"),
        (_message(time=1764320400), "bad.request", "channel.time"),
        (_message(messageId=7), "bad.request", "channel.messageId"),
        ({**_message(), "metadata": {"n": 1}}, "bad.request", "metadata.n"),
        (_message(metadata={"customAttributes": {"n": {}}}), "bad.request", "channel.metadata.customAttributes.n"),
        ({**_message(), "text": "a" * 4001}, "bad.request", "text"),
        ({**_message(), "text": None}, "bad.request", "text"),
        ({**_message(), "text": ""}, "bad.request", "text"),
        ({**_message(), "content": [{"attachment": {**_ATTACHMENT, "mediaType": "Pdf"}}]}, "invalid.value", "content"),
        ({**_message(), "content": [{"attachment": {"url": "https://a.example"}}]}, "bad.request", "content"),
        ({**_message(), "content": [{"attachment": _ATTACHMENT}] * 2}, "bad.request", "content"),
    ],
)
def test_what_is_not_as_described_is_refused_by_its_name(
    genesys: Genesys, body: dict[str, Any], code: str, field: str
) -> None:
    answer = genesys.call("POST", f"{INBOUND}/message", body)
    told = json.loads(answer.body)
    assert (answer.status, answer.kind, told["code"], told["status"]) == (400, LineKind.TURNED_AWAY, code, 400)
    assert told["details"][0]["fieldName"].startswith(field)
    assert answer.note.startswith("Refused:")
    assert not genesys.desk.cases()


def test_what_is_no_json_or_has_unknown_parameters_is_refused(genesys: Genesys) -> None:
    headers = {"authorization": f"Bearer {genesys.token}", "content-type": "text/plain"}
    path = f"{INBOUND}/message"
    assert genesys.ask(Call("POST", path, {}, headers, b"{}")).status == 415
    headers["content-type"] = "application/json; charset=utf-8"
    assert genesys.ask(Call("POST", path, {}, headers, b"{")).status == 400
    for query in ({"prefetchConversationID": "true"}, {"prefetchConversationId": "yes"}):
        assert genesys.call("POST", path, _message(), query).status == 400


def test_what_is_refused_shows_at_its_conversation(genesys: Genesys) -> None:
    ref = genesys.begun()
    answer = genesys.call("POST", f"{INBOUND}/message", {**_message(messageId="m2"), "txt": "x"})
    assert (answer.address, answer.text, answer.delivery_id) == (ref, "Hello", "m2")


def test_another_integration_does_not_exist(genesys: Genesys) -> None:
    answer = genesys.call("POST", f"{MESSAGES}/{uuid.uuid4()}/inbound/open/message", _message())
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "not.found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{MESSAGES}/inbound/open"),
        ("PUT", f"{INBOUND}/message"),
        ("GET", "/api/v2/nothing"),
        ("DELETE", MESSAGES),
        ("POST", ""),
    ],
)
def test_what_is_not_there_is_not_found(genesys: Genesys, method: str, path: str) -> None:
    answer = genesys.call(method, path, {})
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "not.found")


def test_typing_of_theirs_is_taken_strictly_and_not_kept(genesys: Genesys) -> None:
    genesys.begun()
    channel = {"from": {"id": PERSON, "idType": "Email"}, "time": "2026-11-28T10:00:00Z"}
    answer = genesys.call("POST", f"{INBOUND}/event", {"channel": channel, "events": [{"eventType": "Typing"}]})
    assert answer.status == 200
    assert contains(json.loads(answer.body), {"type": "Event"})
    assert answer.kind == LineKind.ASKED
    for events in ([{"eventType": "Presence"}], [{"eventType": "Typing", "typing": {"type": "On"}}], []):
        assert genesys.call("POST", f"{INBOUND}/event", {"channel": channel, "events": events}).status == 400
    assert len(genesys.desk.cases()[0].entries) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "Published"}, 400),
        ({"status": "Read"}, 400),
        ({"direction": "Inbound"}, 400),
        ({"id": "0" * 32}, 404),
        ({"channel": {"to": {"id": "somebody else"}, "time": "2026-11-28T10:00:00Z"}}, 400),
        ({"reasons": [{"code": "Whatever"}]}, 400),
        ({"isFinalReceipt": "true"}, 400),
    ],
)
def test_a_wrong_receipt_is_refused(genesys: Genesys, change: dict[str, Any], status: int) -> None:
    sent = json.loads(genesys.do("reply", genesys.begun(), text="Hi").body)
    good = {"id": sent["id"], "channel": {"to": {"id": PERSON}, "time": "2026-11-28T10:00:00Z"}, "status": "Delivered"}
    assert genesys.call("POST", f"{INBOUND}/receipt", {**good, **change}).status == status
    assert genesys.call("POST", f"{INBOUND}/receipt", good).status == 200


def test_a_message_without_an_agent_comes_back_to_our_webhook(genesys: Genesys) -> None:
    asked = fixture("agentless")["request"]
    answer = genesys.call("POST", asked["path"], asked["body"])
    (report,) = answer.reports
    body = json.loads(report.body)
    assert answer.reports_to == HOOK
    assert contains(body, {"type": "Text", "text": "Outbound message text!", "direction": "Outbound"})
    assert body["channel"]["to"]["id"] == PERSON
    for change in ({"toAddressMessengerType": "sms"}, {"textBody": ""}, {"text": "x"}):
        assert genesys.call("POST", asked["path"], {**asked["body"], **change}).status == 400
    assert genesys.call("POST", asked["path"], {**asked["body"], "fromAddress": "x"}).status == 404


# --- The conversation -----------------------------------------------------------------------------------------------


def test_the_conversation_shows_who_is_in_it_and_what_was_said(genesys: Genesys) -> None:
    ref = genesys.begun()
    purposes = [(one["purpose"], one["state"]) for one in genesys.get(f"{MESSAGES}/{ref}")["participants"]]
    assert purposes == [("customer", "connected"), ("acd", "connected")]
    assert genesys.do("accept", ref, name="Alex").url == ""
    sent = json.loads(genesys.do("reply", ref, text="Hi", name="Alex").body)
    customer, acd, agent = genesys.get(f"{MESSAGES}/{ref}")["participants"]
    assert (acd["state"], agent["state"], agent["name"]) == ("disconnected", "connected", "Alex")
    ids = [one["messages"][0]["messageId"] for one in (customer, agent)]
    assert ids[1] == sent["id"]
    bulk = genesys.call("POST", f"{MESSAGES}/{ref}/messages/bulk", ids)
    found = json.loads(bulk.body)["entities"]
    assert [one["normalizedMessage"]["text"] for one in found] == ["Hello", "Hi"]
    assert [one["direction"] for one in found] == ["inbound", "outbound"]
    assert found[1]["createdBy"]["name"] == "Alex"
    assert found[0]["providerMessageId"] == "m1"
    assert genesys.get(f"{MESSAGES}/{sent['id']}/details", useNormalizedMessage="true")["conversationId"] == ref
    assert genesys.call("POST", f"{MESSAGES}/{ref}/messages/bulk", ["0" * 32]).status == 404
    assert genesys.call("POST", f"{MESSAGES}/{ref}/messages/bulk", {"ids": ids}).status == 400
    assert genesys.call("GET", f"{MESSAGES}/{uuid.uuid4()}").status == 404


def test_another_agent_takes_over(genesys: Genesys) -> None:
    ref = genesys.begun()
    genesys.do("reply", ref, text="Hi", name="Alex")
    genesys.do("reply", ref, text="Hi", name="Kim")
    agents = [one for one in genesys.get(f"{MESSAGES}/{ref}")["participants"] if one["purpose"] == "agent"]
    assert [(one["name"], one["state"]) for one in agents] == [("Alex", "disconnected"), ("Kim", "connected")]
    assert agents[0]["disconnectType"] == "transfer"


def test_an_agent_who_ends_it_is_told_to_nobody(genesys: Genesys) -> None:
    ref = genesys.begun()
    saying = genesys.do("disconnect", ref, name="Alex")
    assert (saying.url, saying.address) == ("", ref)
    participants = genesys.get(f"{MESSAGES}/{ref}")["participants"]
    assert {one["state"] for one in participants} == {"disconnected"}
    assert all("endTime" in one for one in participants)
    (case,) = genesys.desk.cases()
    assert (case.status, case.writes, case.acts) == ("Disconnected", [], [])
    with pytest.raises(Unsayable):
        genesys.do("reply", ref, text="Hi")


@pytest.mark.parametrize(("hours", "is_same"), [(71, True), (73, False)])
def test_it_stays_threaded_for_three_days(genesys: Genesys, hours: int, is_same: bool) -> None:
    ref = genesys.begun()
    genesys.do("disconnect", ref)
    case = genesys.rehearsal.contents["conversations"][0]
    case["disconnected_at"] = cases.written(timezone.now() - dt.timedelta(hours=hours))
    again = json.loads(genesys.write("Me again", "m2").body)["conversationId"]
    assert (again == ref) is is_same
    states = [
        one["state"] for one in genesys.get(f"{MESSAGES}/{again}")["participants"] if one["purpose"] == "customer"
    ]
    assert states[-1] == "connected"
    assert genesys.desk.cases()[0].status == "Waiting in the queue"


@pytest.mark.parametrize("way", ["conversation", "customer", "delete"])
def test_we_end_it_over_the_api_and_once_more_does_nothing(genesys: Genesys, way: str) -> None:
    ref = genesys.begun()
    genesys.do("accept", ref)
    customer = genesys.get(f"{MESSAGES}/{ref}")["participants"][0]["id"]
    method, path, body = {
        "conversation": ("PATCH", f"{MESSAGES}/{ref}", {"state": "disconnected"}),
        "customer": ("PATCH", f"{MESSAGES}/{ref}/participants/{customer}", {"state": "disconnected"}),
        "delete": ("DELETE", f"/api/v2/conversations/{ref}", None),
    }[way]
    answer = genesys.call(method, path, body)
    assert (answer.status, answer.kind, answer.reports) == (200, LineKind.CAUGHT, ())
    assert genesys.desk.cases()[0].status == "Disconnected"
    again = genesys.call(method, path, body)
    assert (again.status, again.kind) == (200, LineKind.COPY)


@pytest.mark.parametrize(
    "body", [{"state": "connected"}, {"state": "disconnected", "held": True}, {}, {"State": "disconnected"}]
)
def test_nothing_else_is_set_on_a_conversation(genesys: Genesys, body: dict[str, Any]) -> None:
    ref = genesys.begun()
    assert genesys.call("PATCH", f"{MESSAGES}/{ref}", body).status == 400
    customer, acd = genesys.get(f"{MESSAGES}/{ref}")["participants"]
    assert genesys.call("PATCH", f"{MESSAGES}/{ref}/participants/{customer['id']}", body).status == 400
    good = {"state": "disconnected"}
    assert genesys.call("PATCH", f"{MESSAGES}/{ref}/participants/{acd['id']}", good).status == 400
    assert genesys.call("PATCH", f"{MESSAGES}/{ref}/participants/nobody", good).status == 404


def test_the_oldest_conversations_make_room(genesys: Genesys) -> None:
    for number in range(cases.MOST_CASES + 3):
        genesys.write(f"Hello {number}", f"m{number}", sender={"id": f"p{number}", "idType": "Opaque"})
    shown = genesys.desk.cases()
    assert len(shown) == cases.MOST_CASES
    assert shown[0].title == f"p{cases.MOST_CASES + 2}"


# --- What it posts --------------------------------------------------------------------------------------------------


def test_a_file_is_sent_by_its_address(genesys: Genesys) -> None:
    ref = genesys.begun()
    body = json.loads(genesys.do("file", ref, text="https://files.example/a%20b.png").body)
    attachment = {
        "mediaType": "Image",
        "url": "https://files.example/a%20b.png",
        "mime": "image/png",
        "filename": "a b.png",
    }
    assert body["content"] == [{"contentType": "Attachment", "attachment": attachment}]
    assert "text" not in body
    with pytest.raises(Unsayable):
        genesys.do("file", ref, text="files.example")


@pytest.mark.parametrize("does", ["return", "end"])
def test_a_data_action_gives_it_back(genesys: Genesys, does: str) -> None:
    ref = genesys.begun()
    saying = genesys.do(does, ref, text="They want a refund.")
    assert saying.url == f"{HOOK}/return"
    assert json.loads(saying.body) == {"conversation_id": ref, "does": does, "summary": "They want a refund."}
    assert genesys.desk.sign(saying.url, saying.body, wrongly=False) == {
        "X-Convoship-Secret": CREDENTIALS["webhook_secret"]
    }
    assert genesys.desk.sign(saying.url, saying.body, wrongly=True) != {
        "X-Convoship-Secret": CREDENTIALS["webhook_secret"]
    }
    assert genesys.desk.cases()[0].status == "Disconnected"


def test_the_signature_is_that_of_the_pages_code(genesys: Genesys) -> None:
    saying = genesys.do("reply", genesys.begun(), text="Grüße 🙂")
    secret = CREDENTIALS["webhook_secret"].encode()
    wanted = b64encode(hmac.new(secret, saying.body.encode(), hashlib.sha256).digest()).decode()
    assert genesys.desk.sign(HOOK, saying.body, wrongly=False) == {"X-Hub-Signature-256": f"sha256={wanted}"}
    wrong = genesys.desk.sign(HOOK, saying.body, wrongly=True)["X-Hub-Signature-256"]
    assert wrong.startswith("sha256=")
    assert wrong != f"sha256={wanted}"


@pytest.mark.parametrize(
    "typed",
    [
        {"does": "reply", "text": ""},
        {"does": "reply", "text": "a" * 4001},
        {"does": "dance"},
        {"does": "reply", "address": "nobody", "text": "Hi"},
    ],
)
def test_what_an_agent_cannot_do_is_told(genesys: Genesys, typed: dict[str, str]) -> None:
    ref = genesys.begun()
    with pytest.raises(Unsayable):
        genesys.desk.say({"address": ref, **typed})


def test_what_can_be_done_now_stands_on_the_screen(genesys: Genesys) -> None:
    ref = genesys.begun()
    (case,) = genesys.desk.cases()
    assert [one.word for one in case.writes] == ["reply"]
    assert [one.word for one in case.acts] == ["accept", "typing", "file", "choices", "disconnect", "return", "end"]
    genesys.do("accept", ref)
    assert [one.word for one in genesys.desk.cases()[0].acts][:2] == ["typing", "file"]


# --- Integrations ---------------------------------------------------------------------------------------------------


def test_the_integration_is_there_and_its_secret_is_on_no_line(genesys: Genesys) -> None:
    answer = genesys.call("GET", f"{OPEN}/{INTEGRATION}")
    body = json.loads(answer.content)
    assert contains(shape_of(body), shape_of(fixture("integration")["response"]["body"]))
    assert (body["outboundNotificationWebhookUrl"], body["status"]) == (HOOK, "active")
    assert body["outboundNotificationWebhookSignatureSecretToken"] == CREDENTIALS["webhook_secret"]
    assert CREDENTIALS["webhook_secret"] not in answer.body
    assert genesys.call("GET", f"{OPEN}/{uuid.uuid4()}").status == 404
    listed = genesys.get(OPEN, pageSize="1")
    assert [one["id"] for one in listed["entities"]] == [INTEGRATION]
    for query in ({"pageSize": "0"}, {"pageSize": "101"}, {"size": "1"}, {"pageNumber": "x"}):
        assert genesys.call("GET", OPEN, query=query).status == 400


def test_a_changed_integration_is_called_as_it_was_changed(genesys: Genesys) -> None:
    ref = genesys.begun()
    token = "another secret, long enough"
    body = {"name": "Ours", "outboundNotificationWebhookSignatureSecretToken": token, "webhookHeaders": {"X-Own": "1"}}
    assert genesys.call("PATCH", f"{OPEN}/{INTEGRATION}", body).status == 200
    saying = genesys.do("reply", ref, text="Hi")
    assert json.loads(saying.body)["channel"]["from"]["nickname"] == "Ours"
    wanted = b64encode(hmac.new(token.encode(), saying.body.encode(), hashlib.sha256).digest()).decode()
    signed = genesys.desk.sign(HOOK, saying.body, wrongly=False)
    assert signed == {"X-Own": "1", "X-Hub-Signature-256": f"sha256={wanted}"}
    # Elsewhere nobody of ours is called.
    moved = {"name": "Ours", "outboundNotificationWebhookUrl": "https://elsewhere.example/hook"}
    assert genesys.call("PATCH", f"{OPEN}/{INTEGRATION}", moved).status == 200
    assert genesys.do("reply", ref, text="Hi").url == ""
    assert not genesys.write("Again", "m2").reports


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"outboundNotificationWebhookSignatureSecretToken": "fifteen letters"}, "outboundNotificationWebhookSig"),
        ({"outboundNotificationWebhookUrl": "https://a.example:8443/"}, "outboundNotificationWebhookUrl"),
        ({"outboundNotificationWebhookUrl": "http://a.example/"}, "outboundNotificationWebhookUrl"),
        ({"webhookHeaders": {"X-Own": 1}}, "webhookHeaders.X-Own"),
        ({"webhookHeader": {}}, "webhookHeader"),
    ],
)
def test_a_wrong_integration_is_refused(genesys: Genesys, change: dict[str, Any], field: str) -> None:
    good = {
        "name": "Ours",
        "outboundNotificationWebhookUrl": "https://a.example/hook",
        "outboundNotificationWebhookSignatureSecretToken": "sixteen letters.",
    }
    answer = genesys.call("POST", OPEN, {**good, **change})
    assert answer.status == 400
    assert json.loads(answer.body)["details"][0]["fieldName"].startswith(field)
    made = genesys.call("POST", OPEN, good)
    assert made.status == 200
    assert json.loads(made.content)["createStatus"] == "Initiated"
    assert genesys.get(f"{OPEN}/{json.loads(made.content)['id']}")["createStatus"] == "Completed"
    assert genesys.get(OPEN)["total"] == 2


# --- Faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("limited", 429, "too.many.requests.retry.after"),
        ("broken", 500, "internal.server.error"),
        ("no_permission", 403, "missing.permissions"),
        ("not_found", 404, "not.found"),
    ],
)
def test_a_fault_has_no_effect_and_shows_what_was_sent(genesys: Genesys, fault: str, status: int, code: str) -> None:
    genesys.rehearsal.fault = fault
    answer = genesys.write("Hello", "m1")
    body = json.loads(answer.body)
    assert (answer.status, body["code"], answer.kind) == (status, code, LineKind.TURNED_AWAY)
    assert (answer.text, answer.delivery_id) == ("Hello", "m1")
    assert not genesys.desk.cases()
    assert genesys.login().status == 200
    if fault == "no_permission":
        assert "conversation:message:receive" in body["message"]
    looked = genesys.call("GET", f"{OPEN}/{INTEGRATION}")
    assert looked.status == (status if fault in {"no_permission", "not_found"} else 200)


def test_silence_takes_it_and_never_answers(genesys: Genesys) -> None:
    genesys.rehearsal.fault = "silent"
    assert genesys.write().hangs
    genesys.rehearsal.fault = ""
    assert genesys.write().kind == LineKind.COPY


def test_a_lost_reply_is_in_the_conversation_alone(genesys: Genesys) -> None:
    ref = genesys.begun()
    genesys.rehearsal.fault, genesys.rehearsal.fault_calls = "lost", 1
    assert genesys.write("Still there?", "m2").status == 200
    assert genesys.do("reply", ref, text="Gone").url == ""
    agent = genesys.get(f"{MESSAGES}/{ref}")["participants"][-1]
    (lost,) = agent["messages"]
    assert genesys.get(f"{MESSAGES}/{ref}/messages/{lost['messageId']}")["normalizedMessage"]["text"] == "Gone"
    assert genesys.rehearsal.fault == ""
    assert genesys.do("reply", ref, text="Here").url == HOOK


def test_a_rehearsal_is_made_up_in_genesys_forms() -> None:
    made = GenesysDesk.config({})
    assert made["region"] == "eu-central-1"
    assert str(uuid.UUID(made["integration_id"])) == made["integration_id"]
    assert GenesysDesk.config({"region": "us-east-1", "api_base_url": "x"})["region"] == "us-east-1"
    credentials = GenesysDesk.credentials()
    assert set(credentials) == {"client_id", "client_secret", "webhook_secret"}
    assert len(credentials["webhook_secret"]) > 15
