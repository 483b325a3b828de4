"""Zendesk's stand-in answers as Zendesk's own pages say; what they don't allow is refused."""

from __future__ import annotations

import datetime as dt
import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.utils import timezone

from channels_app.models import Connection, Rehearsal, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import Account
from channels_app.rehearsal import receiving, rehearsing
from channels_app.rehearsal.base import Answer, Call, Unsayable
from channels_app.rehearsal.zendesk import ZendeskDesk, access, books, later
from channels_app.rehearsal.zendesk.books import INTEGRATION_USER
from channels_app.rehearsal.zendesk.signing import signature
from convoship.lib.tenancy import tenant
from tests import factories

INBOUND = "https://convoship.example/hooks/zendesk"
APP = "5ebee0975ac5304b664a12fa"
FIXTURES = sorted((Path(__file__).parent / "fixtures" / "zendesk").glob("*.json"))
CREDENTIALS = {
    "client_id": "a_client",
    "client_secret": "a_secret_of_at_least_thirty_two_bytes",
    "webhook_secret": "a_pasted_secret",
}
FIRE: dict[str, Any] = {"subject": "My printer is on fire!", "comment": {"body": "The smoke is very colorful."}}


class Desk:
    """A stand-in whose row is in no database."""

    def __init__(self, mode: str = "tickets", **credentials: str) -> None:
        config = {"subdomain": "rehearsal", "mode": mode, "app_id": APP, "field": "360001"}
        account = Account(uuid4(), "Zendesk", config, credentials or CREDENTIALS, {}, INBOUND, "", "https://stand.in/r")
        rehearsal = Rehearsal(contents=ZendeskDesk.contents(""))
        self.saved = 0
        rehearsal.save = self._save  # type: ignore[method-assign]
        self.it = ZendeskDesk(Connection(), rehearsal, account)
        self.headers: dict[str, str] = {}
        if mode == "messaging":
            self.headers["authorization"] = (
                "Basic " + b64encode(b"a_client:a_secret_of_at_least_thirty_two_bytes").decode()
            )
        elif not credentials:
            self.headers["authorization"] = f"Bearer {self.token()}"

    def _save(self, **_: Any) -> None:
        self.saved += 1
        # As the database gives it back.
        self.it.rehearsal.contents = json.loads(json.dumps(self.it.rehearsal.contents, sort_keys=True))

    def token(self, **more: Any) -> str:
        asked = {
            "grant_type": "client_credentials",
            "client_id": "a_client",
            "client_secret": "a_secret_of_at_least_thirty_two_bytes",
        }
        answer = self.call("POST", "/oauth/tokens", {**asked, "scope": "read write", "expires_in": 3600, **more})
        assert answer.status == 200, answer
        return str(json.loads(answer.body)["access_token"])

    def call(self, method: str, path: str, body: Any = None, *, fault: str = "", **more: Any) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"content-type": "application/json"}
        headers = {**self.headers, **kind, **more.get("headers", {})}
        call = Call(method, path, more.get("query", {}), headers, raw)
        self.it.rehearsal.fault = fault
        refused = self.it.refuse(call)
        if refused is not None:
            return refused
        return self.it.answer(call, fault if fault and self.it.meets(call) else "")

    def json(self, *args: Any, **more: Any) -> Any:
        answer = self.call(*args, **more)
        assert answer.status < 300, answer
        return json.loads(answer.body) if answer.body else None

    def ticket(self, **more: Any) -> Any:
        return self.json("POST", "/api/v2/tickets", {"ticket": {**FIRE, **more}})["ticket"]

    def does(self, does: str, ref: str = "1", text: str = "", name: str = "Ada Lovelace") -> Any:
        return self.it.say({"address": ref, "does": does, "text": text, "name": name})

    def hook(self, *conditions: dict[str, Any], body: str = '{"ticket_id": "{{ticket.id}}"}') -> str:
        wanted = {"name": "Ours", "status": "active", "endpoint": INBOUND, "http_method": "POST"}
        made = self.json("POST", "/api/v2/webhooks", {"webhook": {**wanted, "request_format": "json"}})["webhook"]
        actions = [{"field": "notification_webhook", "value": [made["id"], body]}]
        trigger = {"title": "Tell us", "conditions": {"all": list(conditions)}, "actions": actions}
        self.json("POST", "/api/v2/triggers", {"trigger": trigger})
        return str(made["id"])


def has(found: Any, wanted: Any) -> bool:
    """Whether an answer has what is wanted of it, at least."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and has(found[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) >= len(wanted) and all(map(has, found, wanted))
    return bool(found == wanted)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_an_example_of_the_pages(path: Path) -> None:
    told = json.loads(path.read_text())
    desk = Desk(told["mode"])
    ref = desk.does("customer", "", "hello").address if told["mode"] == "messaging" else ""
    for asked in (*told["before"], told["request"]):
        body = asked["raw"].encode() if "raw" in asked else asked.get("body")
        more = {"query": asked.get("query", {}), "headers": asked.get("headers", {})}
        answer = desk.call(asked["method"], asked["path"].replace("{conversation}", ref), body, **more)
    wanted = told["response"]
    assert answer.status == wanted["status"], answer
    assert has(json.loads(answer.body) if answer.body else None, wanted.get("body", json.loads(answer.body or "null")))
    assert has(dict(answer.headers), wanted.get("headers", {}))
    is_refused = answer.kind in {LineKind.TURNED_AWAY, LineKind.REFUSED, LineKind.ASKED}
    assert is_refused == (answer.status >= 400) or answer.kind is LineKind.ASKED


# --- Who may call ----------------------------------------------------------------------------------------------------


def test_a_token_ends_and_its_scope_holds() -> None:
    desk = Desk()
    desk.headers["authorization"] = f"Bearer {desk.token(scope='tickets:read')}"
    assert desk.call("GET", "/api/v2/tickets").status == 200
    denied = desk.call("POST", "/api/v2/tickets", {"ticket": FIRE})
    assert (denied.status, json.loads(denied.body)["error"]) == (403, "Forbidden")
    assert desk.call("GET", "/api/v2/webhooks").status == 403
    for token in desk.it.rehearsal.contents["tokens"]:
        token["until"] = "2020-01-01T00:00:00+00:00"
    over = desk.call("GET", "/api/v2/tickets")
    assert (over.status, json.loads(over.body)["error"]) == (401, "invalid_token")
    assert over.kind is LineKind.REFUSED
    assert "a_secret_of_at_least_thirty_two_bytes" not in json.dumps(desk.it.rehearsal.contents)


def test_an_api_token_is_taken_until_zendesk_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(email="me@example.com", api_token="t0ken")
    good, wrong = (
        {"authorization": f"Basic {b64encode(one).decode()}"}
        for one in (b"me@example.com/token:t0ken", b"me@example.com:t0ken")
    )
    monkeypatch.setattr(access, "API_TOKENS_END", timezone.now() + dt.timedelta(days=1))
    assert desk.call("GET", "/api/v2/users/me", headers=good).status == 200
    assert desk.call("GET", "/api/v2/users/me", headers=wrong).status == 401
    monkeypatch.setattr(access, "API_TOKENS_END", timezone.now())
    assert desk.call("GET", "/api/v2/users/me", headers=good).status == 401


def test_no_line_shows_what_can_be_called_with() -> None:
    desk = Desk()
    asked = {"grant_type": "client_credentials", **{name: CREDENTIALS[name] for name in ("client_id", "client_secret")}}
    assert desk.call("POST", "/oauth/tokens", {**asked, "scope": "read"}).is_unseen
    refused = desk.call("POST", "/oauth/tokens", {**asked, "client_secret": "other", "scope": "read"})
    assert (refused.status, refused.kind) == (401, LineKind.REFUSED)
    hook = desk.hook(SAID)
    assert desk.call("GET", f"/api/v2/webhooks/{hook}/signing_secret").is_unseen
    assert "secret" not in desk.call("GET", f"/api/v2/webhooks/{hook}").body


# --- Tickets ---------------------------------------------------------------------------------------------------------


def test_what_is_refused_has_changed_nothing() -> None:
    desk = Desk()
    desk.ticket()
    before = json.dumps(desk.it.rehearsal.contents, sort_keys=True)
    wanted = {"requester": {"name": "New"}, "comment": {"body": "x", "uploads": ["nope"]}}
    assert desk.call("POST", "/api/v2/tickets", {"ticket": wanted}).status == 422
    assert desk.call("PUT", "/api/v2/tickets/1", {"ticket": {"status": "open", "group_id": 7}}).status == 422
    assert json.dumps(desk.it.rehearsal.contents, sort_keys=True) == before


def test_the_audits_comment_event_has_the_comments_id_and_the_line_ours() -> None:
    desk = Desk()
    ours = str(uuid4())
    made = desk.call("POST", "/api/v2/tickets", {"ticket": FIRE}, headers={"idempotency-key": f"delivery-{ours}"})
    assert (made.kind, made.address, made.delivery_id) == (LineKind.CAUGHT, "1", ours)
    told = {"comment": {"html_body": "<p>One &amp; two</p>", "public": False}, "metadata": {"delivery": ours}}
    answer = desk.call("PUT", "/api/v2/tickets/1", {"ticket": told})
    said = json.loads(answer.body)["audit"]["events"][0]
    listed = desk.json("GET", "/api/v2/tickets/1/comments")["comments"]
    assert [one["id"] for one in listed][1] == said["id"] == int(answer.provider_id)
    assert (said["plain_body"], said["public"]) == ("One & two", False)
    assert (answer.text, answer.delivery_id) == ("One & two", ours)


def test_pages_of_comments_lead_on() -> None:
    desk = Desk()
    desk.ticket()
    for number in range(4):
        desk.json("PUT", "/api/v2/tickets/1", {"ticket": {"comment": {"body": f"{number}"}}})
    seen, query = [], {"page[size]": "2", "sort": "created_at"}
    while query:
        page = desk.json("GET", "/api/v2/tickets/1/comments", query=query)
        seen += [one["body"] for one in page["comments"]]
        after = page["meta"]["after_cursor"]
        query = {**query, "page[after]": after} if page["meta"]["has_more"] else {}
    assert seen == [FIRE["comment"]["body"], "0", "1", "2", "3"]
    last = desk.json("GET", "/api/v2/tickets/1/comments", query={"per_page": "2", "page": "3"})
    assert (last["next_page"], last["count"], len(last["comments"])) == (None, 5, 1)


def test_files_are_attached_once() -> None:
    desk = Desk()
    more = {"query": {"filename": "a.png"}, "headers": {"content-type": "image/png"}}
    token = desk.json("POST", "/api/v2/uploads", b"\x89PNG", **more)["upload"]["token"]
    desk.ticket(comment={"body": "Look", "uploads": [token]})
    file = desk.json("GET", "/api/v2/tickets/1/comments")["comments"][0]["attachments"][0]
    assert (file["file_name"], file["size"]) == ("a.png", 4)
    path = file["content_url"].removeprefix("https://stand.in/r").partition("?")[0]
    fetched = desk.call("GET", path, headers={"authorization": ""})
    assert (fetched.status, fetched.zeros, fetched.content_type) == (200, 4, "image/png")
    again = {"ticket": {"comment": {"body": "Again", "uploads": [token]}}}
    assert desk.call("PUT", "/api/v2/tickets/1", again).status == 422


def test_no_more_than_fifty_tickets_are_kept() -> None:
    desk = Desk()
    for _ in range(53):
        desk.ticket()
    assert len(desk.it.cases()) == 50
    assert desk.it.cases()[0].ref == "53"


def test_a_safe_update_with_the_latest_stamp_is_taken() -> None:
    desk = Desk()
    stamp = desk.ticket()["updated_at"]
    safe = {"safe_update": True, "updated_stamp": stamp}
    desk.json("PUT", "/api/v2/tickets/1", {"ticket": {"additional_tags": ["Hot"], **safe}})
    assert desk.json("GET", "/api/v2/tickets/1")["ticket"]["tags"] == ["hot"]


# --- Faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("limited", 429, "APIRateLimitExceeded"),
        ("broken", 500, "InternalServerError"),
        ("no_access", 403, "You do not have access"),
        ("html", 200, "<!doctype html>"),
    ],
)
def test_a_fault_takes_nothing(fault: str, status: int, words: str) -> None:
    desk = Desk()
    answer = desk.call("POST", "/api/v2/tickets", {"ticket": FIRE}, fault=fault)
    assert (answer.status, answer.kind, answer.address) == (status, LineKind.TURNED_AWAY, "")
    assert words in answer.body
    assert (answer.headers.get("Retry-After") == "5") == (status == 429)
    assert not desk.it.cases()
    assert desk.call("GET", "/api/v2/users/me", fault=fault).status == 200


def test_silence_takes_it() -> None:
    desk = Desk()
    assert desk.call("POST", "/api/v2/tickets", {"ticket": FIRE}, fault="silent").hangs
    assert len(desk.it.cases()) == 1


def test_a_closed_ticket_stays_closed() -> None:
    desk = Desk()
    assert desk.call("POST", "/api/v2/tickets", {"ticket": FIRE}, fault="closed").status == 201
    for fault in ("closed", ""):
        answer = desk.call("PUT", "/api/v2/tickets/1", {"ticket": {"comment": {"body": "x"}}}, fault=fault)
        assert answer.status == 422
        assert "closed prevents ticket update" in answer.body
        assert answer.kind is LineKind.TURNED_AWAY
    assert desk.ticket(via_followup_source_id=1)["via"]["source"]["rel"] == "follow_up"
    assert desk.json("GET", "/api/v2/tickets/1")["ticket"]["followup_ids"] == [2]


# --- Webhooks and triggers -------------------------------------------------------------------------------------------

TAGGED = {"field": "current_tags", "operator": "includes", "value": "convoship"}
SAID = {"field": "comment_is_public", "operator": "is", "value": "true"}
NOT_US = {"field": "role", "operator": "is_not", "value": str(INTEGRATION_USER)}
CHANGED = {"field": "update_type", "operator": "is", "value": "Change"}


def test_a_trigger_posts_where_its_conditions_hold() -> None:
    desk = Desk()
    desk.hook(
        TAGGED, SAID, CHANGED, body='{"id": "{{ticket.id}}", "by": "{{current_user.id}}", "s": "{{ticket.status}}"}'
    )
    desk.ticket(tags=["convoship"])
    desk.ticket()
    saying = desk.does("reply", "1", "Hello")
    agent = desk.it.rehearsal.contents["tickets"]["1"]["comments"][-1]["author_id"]
    assert saying.url == INBOUND
    assert json.loads(saying.body) == {"id": "1", "by": str(agent), "s": "Open"}
    assert desk.does("note", "1", "Psst").url == ""
    assert desk.does("reply", "2", "Hello").url == ""


def test_our_own_changes_are_told_too_unless_the_trigger_says_otherwise() -> None:
    desk = Desk()
    desk.hook(SAID)
    answer = desk.call("POST", "/api/v2/tickets", {"ticket": FIRE})
    assert ([json.loads(one.body) for one in answer.reports], answer.reports_to) == ([{"ticket_id": "1"}], INBOUND)
    other = Desk()
    other.hook(SAID, NOT_US)
    assert not other.call("POST", "/api/v2/tickets", {"ticket": FIRE}).reports
    assert other.does("reply", "1", "Hello").url == INBOUND


def test_values_stand_unescaped_in_a_body_and_are_filled_in_once() -> None:
    desk = Desk()
    desk.hook(SAID, NOT_US, body='{"words": "{{ticket.latest_public_comment}}"}')
    desk.ticket()
    body = desk.does("reply", "1", 'He said "{{ticket.id}}"').body
    assert body == '{"words": "He said "{{ticket.id}}""}'


def test_a_body_is_signed_with_the_secret_of_its_webhook() -> None:
    desk = Desk()
    desk.hook(SAID)
    second = desk.hook(SAID, body='{"second": "{{ticket.id}}"}')
    secret = desk.json("GET", f"/api/v2/webhooks/{second}/signing_secret")["signing_secret"]
    assert secret["algorithm"] == "SHA256"
    reports = desk.call("POST", "/api/v2/tickets", {"ticket": FIRE}).reports
    headers = desk.it.sign(INBOUND, reports[1].body, wrongly=False)
    at = headers["x-zendesk-webhook-signature-timestamp"]
    assert headers["x-zendesk-webhook-signature"] == signature(secret["secret"], at, reports[1].body)
    assert headers["x-zendesk-webhook-id"] == second
    wrong = desk.it.sign(INBOUND, reports[1].body, wrongly=True)
    at = wrong["x-zendesk-webhook-signature-timestamp"]
    assert wrong["x-zendesk-webhook-signature"] != signature(secret["secret"], at, reports[1].body)


def test_a_second_trigger_is_a_call_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[str] = []
    monkeypatch.setattr(later, "post", lambda _, body, *args, **more: posted.append(body))
    desk = Desk()
    desk.hook(SAID, NOT_US)
    desk.hook(NOT_US, body='{"second": true}')
    desk.ticket()
    assert json.loads(desk.does("reply", "1", "Hello").body) == {"ticket_id": "1"}
    assert posted == ['{"second": true}']


def test_what_was_set_up_by_hand_tells_of_an_agents_acts() -> None:
    desk = Desk()
    assert not desk.call("POST", "/api/v2/tickets", {"ticket": FIRE}).reports
    acts = ("reply", "note", "assign", "pending", "reopen", "solve", "close")
    told = {does: desk.does(does, "1", "x").body for does in acts}
    # Closing is an automation's act, days later.
    assert [does for does, body in told.items() if not body] == ["close"]
    assert {body for does, body in told.items() if does != "close"} == {'{"ticket_id": "1"}'}
    headers = desk.it.sign(INBOUND, told["solve"], wrongly=False)
    at = headers["x-zendesk-webhook-signature-timestamp"]
    assert headers["x-zendesk-webhook-signature"] == signature("a_pasted_secret", at, told["solve"])


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "external_id", "operator": "is", "value": "1"},
        {"field": "status", "operator": "was", "value": "open"},
        {"field": "status", "operator": "is", "value": "opened"},
        {"field": "current_tags", "operator": "includes", "value": ""},
    ],
)
def test_a_condition_that_is_none_is_refused(condition: dict[str, str]) -> None:
    desk = Desk()
    hook = desk.hook(SAID)
    actions = [{"field": "notification_webhook", "value": [hook, "{}"]}]
    wanted = {"title": "x", "conditions": {"all": [condition]}, "actions": actions}
    answer = desk.call("POST", "/api/v2/triggers", {"trigger": wanted})
    assert (answer.status, json.loads(answer.body)["error"]) == (422, "RecordInvalid")


def test_an_action_or_placeholder_that_is_none_is_refused() -> None:
    desk = Desk()
    hook = desk.hook(SAID)
    for action in (
        {"field": "notification_webhook", "value": ["01NOPE", "{}"]},
        {"field": "notification_webhook", "value": [hook, "{{ticket.ID}}"]},
        {"field": "notification_webhook", "value": [hook, "{{ticket.id | json}}"]},
        {"field": "status", "value": "open"},
    ):
        wanted = {"title": "x", "conditions": {"all": [SAID]}, "actions": [action]}
        assert desk.call("POST", "/api/v2/triggers", {"trigger": wanted}).status in {400, 422}
    assert len(desk.json("GET", "/api/v2/triggers")["triggers"]) == 1


def test_a_trigger_whose_conditions_are_changed_loses_its_actions_unless_they_are_given() -> None:
    desk = Desk()
    hook = desk.hook(SAID)
    (trigger,) = desk.json("GET", "/api/v2/triggers")["triggers"]
    path = f"/api/v2/triggers/{trigger['id']}"
    answer = desk.call("PUT", path, {"trigger": {"conditions": {"all": [TAGGED]}}})
    assert answer.status == 422
    assert "Trigger must contain at least one action" in answer.body
    assert desk.json("PUT", path, {"trigger": {"active": False}})["trigger"]["actions"] == trigger["actions"]
    assert desk.call("DELETE", f"/api/v2/webhooks/{hook}").status == 400
    assert desk.call("DELETE", path).status == 204
    assert desk.call("PATCH", f"/api/v2/webhooks/{hook}", {"webhook": {"name": "New"}}).status == 204
    assert desk.call("DELETE", f"/api/v2/webhooks/{hook}").status == 204


@pytest.mark.parametrize(
    ("condition", "does"),
    [
        ({"field": "status", "operator": "changed"}, {"solve", "pending", "close"}),
        ({"field": "status", "operator": "value", "value": "solved"}, {"solve"}),
        ({"field": "status", "operator": "greater_than", "value": "pending"}, {"solve", "close"}),
        ({"field": "assignee_id", "operator": "changed"}, {"assign", "solve", "close"}),
        ({"field": "role", "operator": "is", "value": "agent"}, {"assign", "solve", "close", "pending", "note"}),
        ({"field": "comment_is_public", "operator": "is", "value": "not_relevant"}, {"note"}),
    ],
)
def test_a_condition_holds(condition: dict[str, str], does: set[str]) -> None:
    found = set()
    for word in ("assign", "pending", "solve", "close", "note"):
        desk = Desk()
        desk.ticket(status="open")
        desk.hook(condition)
        if desk.does(word, "1", "x" if word == "note" else "").url:
            found.add(word)
    assert found == does


# --- The agent's screen ----------------------------------------------------------------------------------------------


def test_an_agent_works_on_a_ticket() -> None:
    desk = Desk()
    desk.ticket(requester={"name": "Grace", "email": "grace@example.com"})
    with pytest.raises(Unsayable):
        desk.does("reply", "1", "")
    with pytest.raises(Unsayable):
        desk.does("reopen")
    with pytest.raises(Unsayable):
        desk.does("reply", "77", "x")
    desk.does("reply", "1", "Hello Grace")
    desk.does("note", "1", "A nice one")
    desk.does("solve")
    (case,) = desk.it.cases()
    assert (case.status, dict(case.facts)["Assignee"]) == ("solved", "Ada Lovelace")
    assert {entry.role for entry in case.entries} == {"bot", "agent", "note", "event"}
    assert {act.word for act in case.acts} == {"reopen", "close"}
    desk.does("close")
    (case,) = desk.it.cases()
    assert (case.status, case.writes, case.acts) == ("closed", (), ())


@pytest.mark.parametrize("does", ["pending", "solve"])
def test_words_that_stand_in_the_field_are_submitted_along_and_not_lost(does: str) -> None:
    desk = Desk()
    desk.ticket(requester={"name": "Grace", "email": "grace@example.com"})
    desk.does(does, "1", "It is on its way")
    (case,) = desk.it.cases()
    assert [one.text for one in case.entries if one.role == "agent"] == ["It is on its way"]
    assert case.status == {"pending": "pending", "solve": "solved"}[does]


def test_only_what_its_mode_can_meet_is_offered() -> None:
    offered = {one.word for one in ZendeskDesk.faults_for({"mode": "messaging"})}
    assert {one.word for one in ZendeskDesk.faults} - offered == {"closed"}
    assert ZendeskDesk.faults_for({"mode": "tickets"}) == ZendeskDesk.faults


# --- Messaging -------------------------------------------------------------------------------------------------------


def events_of(body: str) -> list[Any]:
    told = json.loads(body)
    assert set(told) == {"app", "webhook", "events"}
    assert told["app"]["id"] == APP
    return list(told["events"])


def test_a_customer_an_agent_and_the_end() -> None:
    desk = Desk("messaging")
    saying = desk.does("customer", "", "Hi", "Grace")
    created, message = events_of(saying.body)
    assert (created["type"], message["type"]) == ("conversation:create", "conversation:message")
    assert message["payload"]["conversation"]["activeSwitchboardIntegration"]["integrationType"] == "custom"
    assert message["payload"]["message"]["author"]["displayName"] == "Grace"
    path = f"/sc/v2/apps/{APP}/conversations/{saying.address}"
    with pytest.raises(Unsayable):
        desk.does("reply", saying.address, "Too early")
    wanted = {"switchboardIntegration": "zd:agentWorkspace", "metadata": {"why": "asked"}}
    passed = desk.call("POST", f"{path}/passControl", wanted)
    (event,) = events_of(passed.reports[0].body)
    assert (event["type"], event["payload"]["metadata"]) == ("switchboard:passControl", {"why": "asked"})
    assert desk.call("POST", f"{path}/passControl", wanted).kind is LineKind.COPY
    (reply,) = events_of(desk.does("reply", saying.address, "Hello").body)
    assert reply["payload"]["message"]["author"] == {
        "type": "business",
        "subtypes": ["agent"],
        "displayName": "Ada Lovelace",
    }
    assert reply["payload"]["message"]["source"] == {"type": "zd:agentWorkspace"}
    assert reply["payload"]["conversation"]["activeSwitchboardIntegration"]["integrationType"] == "zd:agentWorkspace"
    (typing,) = events_of(desk.does("agent_typing", saying.address).body)
    assert typing["payload"]["activity"]["type"] == "typing:start"
    (end,) = events_of(desk.does("end", saying.address).body)
    assert (end["type"], end["payload"]["reason"]) == ("switchboard:passControl", "ticketClosed")
    assert end["payload"]["conversation"]["activeSwitchboardIntegration"]["integrationType"] == "custom"
    assert desk.it.sign(INBOUND, "", wrongly=False) == {"x-api-key": "a_pasted_secret"}
    assert desk.it.sign(INBOUND, "", wrongly=True)["x-api-key"] != "a_pasted_secret"


def test_our_own_messages_are_told_and_their_buttons_tapped() -> None:
    desk = Desk("messaging")
    ref = desk.does("customer", "", "Hi").address
    path, ours = f"/sc/v2/apps/{APP}/conversations/{ref}/messages", str(uuid4())
    buttons = [
        {"type": "postback", "text": "Yes", "payload": "YES"},
        {"type": "link", "text": "See", "uri": "https://a.example"},
    ]
    content = {"type": "text", "text": "Well?", "actions": buttons}
    body = {"author": {"type": "business"}, "content": content, "metadata": {"delivery": ours}}
    answer = desk.call("POST", path, body)
    (echo,) = events_of(answer.reports[0].body)
    assert echo["payload"]["message"]["id"] == answer.provider_id
    assert (answer.delivery_id, answer.text, answer.reports_to) == (ours, "Well?", INBOUND)
    (case,) = desk.it.cases()
    assert [act.label for act in case.customers if act.word.startswith("tap")] == ["Tap “Yes”"]
    (tapped,) = events_of(desk.does("tap:0", ref).body)
    assert (tapped["type"], tapped["payload"]["postback"]) == ("conversation:postback", {"payload": "YES"})
    mixed = {**content, "actions": [*buttons, {"type": "reply", "text": "No", "payload": "NO"}]}
    assert desk.call("POST", path, {**body, "content": mixed}).status == 400


def test_a_jwt_is_taken_when_it_is_the_keys() -> None:
    desk = Desk("messaging")
    for secret, kid, scope, status in (
        ("a_secret_of_at_least_thirty_two_bytes", "a_client", "app", 200),
        ("another_secret_of_at_least_thirty_two_bytes", "a_client", "app", 401),
        ("a_secret_of_at_least_thirty_two_bytes", "other", "app", 401),
        ("a_secret_of_at_least_thirty_two_bytes", "a_client", "user", 401),
    ):
        token = jwt.encode({"scope": scope}, secret, algorithm="HS256", headers={"kid": kid})
        answer = desk.call("GET", f"/sc/v2/apps/{APP}", headers={"authorization": f"Bearer {token}"})
        assert answer.status == status
    unsigned = jwt.encode({"scope": "app"}, "", algorithm="none", headers={"kid": "a_client"})
    assert desk.call("GET", f"/sc/v2/apps/{APP}", headers={"authorization": f"Bearer {unsigned}"}).status == 401


def test_a_webhook_that_the_api_made_is_told_what_it_wants_with_its_own_secret() -> None:
    desk = Desk("messaging")
    board = desk.json("GET", f"/sc/v2/apps/{APP}/switchboards")["switchboards"][0]["id"]
    both = desk.json("GET", f"/sc/v2/apps/{APP}/switchboards/{board}/switchboardIntegrations")[
        "switchboardIntegrations"
    ]
    own = next(one["integrationId"] for one in both if one["integrationType"] == "custom")
    path = f"/sc/v2/apps/{APP}/integrations/{own}/webhooks"
    made = desk.json("POST", path, {"target": INBOUND, "triggers": ["conversation:message"]})["webhook"]
    assert desk.call("POST", path, {"target": INBOUND, "triggers": ["conversation:mesage"]}).status == 400
    saying = desk.does("customer", "", "Hi")
    assert [one["type"] for one in events_of(saying.body)] == ["conversation:message"]
    assert desk.does("typing", saying.address).url == ""
    assert desk.it.sign(INBOUND, saying.body, wrongly=False) == {"x-api-key": made["secret"]}


def test_offered_control_is_accepted_by_the_agents() -> None:
    desk = Desk("messaging")
    ref = desk.does("customer", "", "Hi").address
    path = f"/v2/apps/{APP}/conversations/{ref}"
    offered = desk.call("POST", f"{path}/offerControl", {"switchboardIntegration": "next"})
    (event,) = events_of(offered.reports[0].body)
    assert event["payload"]["conversation"]["pendingSwitchboardIntegration"]["integrationType"] == "zd:agentWorkspace"
    (accepted,) = events_of(desk.does("accept", ref).body)
    assert accepted["type"] == "switchboard:acceptControl"
    (released,) = events_of(desk.does("release", ref).body)
    assert "activeSwitchboardIntegration" not in released["payload"]["conversation"]
    assert released["payload"]["reason"] == "ticketClosed"


@pytest.mark.parametrize("fault", ["limited", "broken", "html", "no_access"])
def test_a_fault_of_messaging_takes_nothing(fault: str) -> None:
    desk = Desk("messaging")
    ref = desk.does("customer", "", "Hi").address
    path = f"/sc/v2/apps/{APP}/conversations/{ref}/messages"
    body = {"author": {"type": "business"}, "content": {"type": "text", "text": "x"}}
    answer = desk.call("POST", path, body, fault=fault)
    assert (answer.kind, answer.address) == (LineKind.TURNED_AWAY, ref)
    assert len(desk.json("GET", path)["messages"]) == 1


def test_made_up_settings_have_the_fields_that_are_wanted() -> None:
    assert set(ZendeskDesk.config({})) == {"subdomain", "mode"}
    assert set(ZendeskDesk.config({"mode": "messaging"})) == {"subdomain", "mode", "app_id", "integration_id"}
    assert set(ZendeskDesk.credentials()) == {"client_id", "client_secret", "webhook_secret"}
    assert ZendeskDesk.kind == "zendesk"


@pytest.mark.django_db
def test_what_goes_later_is_a_line_that_is_due() -> None:
    workspace = factories.make_workspace()
    with tenant(workspace.id):
        desk = Desk()
        desk.it.connection = Connection.objects.create(kind="zendesk", name="Rehearsal", is_rehearsal=True)
        desk.hook(SAID, NOT_US)
        desk.hook(NOT_US, body='{"second": true}')
        desk.ticket()
        desk.does("reply", "1", "Hello")
        (line,) = RehearsalLine.objects.filter(connection=desk.it.connection)
        assert (line.kind, line.url, line.body, line.address) == (LineKind.REPORT, INBOUND, '{"second": true}', "1")
        assert line.due_at is not None


def test_a_row_never_grows_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "LARGEST", 30_000)
    desk = Desk()
    for _ in range(12):
        desk.ticket(comment={"body": "x" * 2_000})
    assert 1 <= len(desk.it.cases()) < 12
    assert desk.it.cases()[0].ref == "12"
    assert desk.call("PUT", "/api/v2/tickets/12", {"ticket": {"comment": {"body": "x" * 30_000}}}).status == 422
    assert len(json.dumps(desk.it.rehearsal.contents)) <= 30_000


def test_a_webhook_brings_what_it_was_given_and_nothing_of_zendesks_own_is_lost() -> None:
    desk = Desk()
    hook = desk.hook(SAID)
    told = {"type": "bearer_token", "data": {"token": "abc"}, "add_position": "header"}
    custom = {"X-Ours": "1", "X-Zendesk-Webhook-Id": "forged"}
    wanted = {"authentication": told, "custom_headers": custom}
    assert desk.call("PATCH", f"/api/v2/webhooks/{hook}", {"webhook": wanted}).status == 204
    (report,) = desk.call("POST", "/api/v2/tickets", {"ticket": FIRE}).reports
    headers = desk.it.sign(INBOUND, report.body, wrongly=False)
    assert (headers["authorization"], headers["x-ours"], headers["x-zendesk-webhook-id"]) == ("Bearer abc", "1", hook)
    for bad in ({"X-Ours": "1\r\nX-Other: 2"}, {"X Ours": "1"}):
        assert desk.call("PATCH", f"/api/v2/webhooks/{hook}", {"webhook": {"custom_headers": bad}}).status == 400


@pytest.mark.django_db
def test_a_call_leaves_its_line_and_lines_up_what_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = factories.make_workspace()
    with tenant(workspace.id):
        desk = Desk()
        connection = Connection.objects.create(kind="zendesk", name="Rehearsal", is_rehearsal=True)
        row = Rehearsal.objects.create(connection=connection, contents=desk.it.rehearsal.contents)
        desk.it.connection, desk.it.rehearsal = connection, row
        monkeypatch.setattr(rehearsing, "held", lambda _: desk.it)
        desk.hook(SAID, body='{"words": "{{ticket.latest_public_comment}}"}')
        row.refresh_from_db()
        headers = {**desk.headers, "content-type": "application/json", "idempotency-key": "1"}
        call = Call("POST", "/api/v2/tickets", {}, headers, json.dumps({"ticket": FIRE}).encode())
        given = receiving.answer(connection.id, call, "/x")
        assert given.status == 201
        row.refresh_from_db()
        again = receiving.answer(connection.id, call, "/x")
        assert (again.kind, json.loads(again.body)) == (LineKind.COPY, json.loads(given.body))
        lines = {line.kind: line for line in RehearsalLine.objects.filter(connection=connection)}
        assert set(lines) == {LineKind.CAUGHT, LineKind.COPY, LineKind.REPORT}
        assert json.loads(lines[LineKind.REPORT].body) == {"words": FIRE["comment"]["body"]}
        assert lines[LineKind.CAUGHT].address == lines[LineKind.REPORT].address == "1"
        assert "authorization" not in lines[LineKind.CAUGHT].headers
