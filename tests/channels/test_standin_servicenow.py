"""The stand-in for ServiceNow takes what the vendor's pages show, and refuses what they refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import pytest

from channels_app.models import Connection, Rehearsal
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import Account
from channels_app.rehearsal.base import Answer, Call, Saying, Unsayable
from channels_app.rehearsal.servicenow import ServicenowDesk, pages
from channels_app.rehearsal.servicenow.store import begun
from convoship.lib.actors import Actor

FIXTURES = Path(__file__).parent / "fixtures" / "servicenow"
INBOUND = "https://convoship.example/hooks/1"
BASE = "https://convoship.example/rehearsal/1"
BOT = "/api/sn_va_as_service/bot/integration"
KEY = "5f4dcc3b-5aa7-4d61-9d83-27deb882cf99"


class Desk:
    """A stand-in whose row is never stored."""

    def __init__(self, mode: str = "incident", table: str = "", **credentials: str) -> None:
        config = {"instance": "dev1", "mode": mode} | ({"table": table} if table else {})
        self.known = credentials or {"username": "us", "password": "pä:ss"}
        account = Account(
            connection_id=uuid4(),
            name="ServiceNow",
            config=config,
            credentials=self.known | {"webhook_secret": "s3cret"},
            secrets={},
            inbound_url=INBOUND,
            status_url="",
            base_url=BASE,
        )
        self.rehearsal = Rehearsal(contents=begun())
        self.saved = 0
        self.rehearsal.save = self._save  # type: ignore[method-assign]
        self.it = ServicenowDesk(Connection(), self.rehearsal, account)

    def _save(self, *args: object, **kwargs: object) -> None:
        # What jsonb would not keep fails here.
        self.rehearsal.contents.update(json.loads(json.dumps(self.rehearsal.contents)))
        self.saved += 1

    def call(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        """A call with the right credentials, unless others are given."""
        path, _, query = path.partition("?")
        basic = base64.b64encode(f"{self.known.get('username')}:{self.known.get('password')}".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "accept": "application/json"}
        headers |= {"content-type": "application/json"} if body is not None else {}
        headers |= more.get("headers", {})
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        call = Call(method, path, dict(parse_qsl(query)), headers, content)
        fault = more.get("fault", "")
        self.rehearsal.fault = fault
        return self.it.answer(call, fault if fault and self.it.meets(call) else "")

    def made(self, **fields: str) -> dict[str, Any]:
        """A new incident."""
        answer = self.call("POST", "/api/now/table/incident", {"short_description": "Help", **fields})
        assert answer.status == 201, answer.body
        return cast(dict[str, Any], json.loads(answer.body)["result"])

    def does(self, ref: str, does: str, text: str = "", name: str = "Beth Anglin") -> Saying:
        """The agent does something."""
        return self.it.say({"address": ref, "does": does, "text": text, "name": name})

    def bot(self, **more: Any) -> Answer:
        """A request at Virtual Agent."""
        base = {"requestId": KEY, "userId": "beth", "clientSessionId": "c-1"}
        fault = more.pop("fault", "")
        return self.call("POST", BOT, {**base, **more}, fault=fault)


def results(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)["result"]


def error(answer: Answer) -> tuple[str, str]:
    found = json.loads(answer.body)
    assert found["status"] == "failure"
    return found["error"]["message"], found["error"]["detail"]


def posted(answer: Answer) -> list[dict[str, Any]]:
    assert answer.reports_to in {INBOUND, ""}
    return [json.loads(report.body) for report in answer.reports]


def waiting(desk: Desk) -> str:
    desk.bot(action="START_CONVERSATION", message={"text": "", "typed": True})
    return desk.bot(action="AGENT", message={"text": "My card is lost", "typed": True}).address


# --- What the pages show --------------------------------------------------------------------------------------------

EXAMPLES = sorted(FIXTURES.glob("*.json"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[one.stem for one in EXAMPLES])
def test_what_a_page_shows_is_answered_as_it_shows(path: Path) -> None:
    example = json.loads(path.read_text())
    assert example["page"] in vars(pages).values()
    desk = Desk(example.get("mode", "incident"))
    for earlier in example.get("before", []):
        desk.call(earlier["method"], earlier["path"], earlier["body"])
    request, wanted = example["request"], example["response"]
    body = request["body"].encode() if isinstance(request.get("body"), str) else request.get("body")
    answer = desk.call(
        request["method"],
        request["path"],
        body,
        headers=request.get("headers", {}),
        fault=example.get("fault", ""),
    )
    assert answer.status == wanted["status"], answer.note
    if "body" in wanted:
        found = json.loads(answer.body)
        assert _has(found, wanted["body"]), found
    for name in wanted.get("headers", []):
        assert answer.headers[name]
    if "posted" in wanted:
        assert len(posted(answer)) == len(wanted["posted"])
        for one, like in zip(posted(answer), wanted["posted"], strict=True):
            assert _has(one, like), one


def _has(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is in what was found."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and _has(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_has, found, wanted))
    return bool(found == wanted)


# --- Who calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "Basic !!", "Basic dXM6eA==", "Bearer abc", "Basic ZsO8"])
def test_wrong_credentials_are_refused_in_the_vendors_words(value: str) -> None:
    answer = Desk().call("GET", "/api/now/table/incident", headers={"authorization": value, "token": "ORANGE"})
    assert (answer.status, answer.kind) == (401, LineKind.REFUSED)
    assert error(answer) == ("User Not Authenticated", "Required to provide Auth information")


def test_oauth_gives_a_token_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(client_id="id", client_secret="secret")
    form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": ""}
    wrong = desk.call("POST", "/oauth_token.do", urlencode({**form, "client_secret": "x"}).encode(), headers=headers)
    assert (wrong.status, wrong.kind) == (401, LineKind.REFUSED)
    right = desk.call("POST", "/oauth_token.do", urlencode(form).encode(), headers=headers)
    token = json.loads(right.body)
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 1799)
    assert token["access_token"] not in json.dumps(desk.rehearsal.contents)
    bearer = {"authorization": f"Bearer {token['access_token']}"}
    assert desk.call("GET", "/api/now/table/incident", headers=bearer).status == 200
    desk.rehearsal.contents["tokens"] = dict.fromkeys(desk.rehearsal.contents["tokens"], 1)
    assert desk.call("GET", "/api/now/table/incident", headers=bearer).status == 401
    other = urlencode({**form, "username": "x"}).encode()
    assert desk.call("POST", "/oauth_token.do", other, headers=headers).status == 400


# --- Tables ---------------------------------------------------------------------------------------------------------


def test_a_record_is_made_changed_and_read() -> None:
    desk = Desk()
    answer = desk.call(
        "POST",
        "/api/now/table/incident",
        {"short_description": "Help", "description": "All of it", "correlation_id": KEY, "comments": "First"},
    )
    made = json.loads(answer.body)["result"]
    assert (answer.status, answer.kind, answer.delivery_id) == (201, LineKind.CAUGHT, KEY)
    assert answer.headers["Location"] == f"{BASE}/api/now/table/incident/{made['sys_id']}"
    assert (made["state"], made["comments"], made["sys_mod_count"]) == ("1", "", "0")
    assert desk.saved
    path = f"/api/now/table/incident/{made['sys_id']}"
    changed = results(desk.call("PATCH", path, {"comments": "Second", "state": "2"}))
    assert (changed["state"], changed["sys_mod_count"], changed["sys_updated_by"]) == ("2", "1", "us")
    shown = results(desk.call("GET", f"{path}?sysparm_display_value=true&sysparm_fields=state,comments,opened_by"))
    assert shown["state"] == "In Progress"
    assert shown["comments"].index("Second") < shown["comments"].index("First")
    assert shown["opened_by"]["display_value"] == "Convoship Integration"
    both = results(desk.call("GET", f"{path}?sysparm_display_value=all&sysparm_fields=state"))
    assert both == {"state": {"display_value": "In Progress", "value": "2"}}


def test_journal_entries_are_found_by_asking() -> None:
    desk = Desk()
    record = desk.made()
    for text in ("one", "two", "three"):
        desk.does(record["sys_id"], "reply", text, "Abel Tuter")
    query = f"element_id={record['sys_id']}^element=comments^sys_created_on>=2020-01-01 00:00:00^ORDERBYsys_created_on"
    asked = {"sysparm_query": query, "sysparm_limit": "2", "sysparm_offset": "1", "sysparm_fields": "value,name"}
    answer = desk.call("GET", f"/api/now/table/sys_journal_field?{urlencode(asked)}")
    assert results(answer) == [{"value": "two", "name": "incident"}, {"value": "three", "name": "incident"}]
    assert answer.headers["X-Total-Count"] == "3"
    assert 'rel="first"' in answer.headers["Link"]
    users = results(desk.call("GET", "/api/now/table/sys_user?user_name=abel.tuter"))
    assert [one["name"] for one in users] == ["Abel Tuter"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("correlation_id=b", [2]),
        ("correlation_id!=b^ORDERBYDESCnumber", [3, 1]),
        ("correlation_idINa,c", [1, 3]),
        ("correlation_id=a^ORcorrelation_id=b", [1, 2]),
        ("impact>1^impact<3", [2]),
        ("impact>=2^ORDERBYimpact", [2, 3]),
        ("short_descriptionLIKEhelp^sys_created_on>javascript:gs.dateGenerate('2020-01-01','00:00:00')", [1, 2, 3]),
    ],
)
def test_a_query_finds_what_it_says(query: str, numbers: list[int]) -> None:
    desk = Desk()
    for number, letter in enumerate("abc", 1):
        desk.made(correlation_id=letter, impact=str(number))
    found = results(desk.call("GET", f"/api/now/table/incident?{urlencode({'sysparm_query': query})}"))
    assert [int(one["impact"]) for one in found] == numbers


@pytest.mark.parametrize(
    "query",
    [
        {"sysparm_query": "colour=red"},
        {"sysparm_query": "state~1"},
        {"sysparm_query": "ORDERBYcolour"},
        {"sysparm_query": "sys_created_on>yesterday"},
        {"sysparm_query": "caller_id=javascript:gs.getUserID()"},
        {"sysparm_limit": "-1"},
        {"sysparm_feilds": "state"},
        {"sysparm_fields": "sate"},
        {"sysparm_display_value": "yes"},
        {"sysparm_query": "state=1", "number": "INC1"},
    ],
)
def test_what_an_instance_would_ignore_of_a_question_is_refused(query: dict[str, str]) -> None:
    answer = Desk().call("GET", f"/api/now/table/incident?{urlencode(query)}")
    assert answer.status == 400
    assert error(answer)[0] == "Bad Request"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"short_descripton": "x"}, 400, "short_descripton"),
        ({"short_description": 1}, 400, "must be text"),
        ({"short_description": "x" * 161}, 400, "at most 160"),
        ({"short_description": "x", "comments": "x" * 4001}, 400, "at most 4000"),
        ({"short_description": "x", "state": "5"}, 400, "must be one of"),
        ({"short_description": "x", "impact": "9"}, 400, "must be one of"),
        ({"short_description": "x", "sys_id": "1" * 32}, 400, "sys_id"),
        ({"short_description": "x", "caller_id": "abel"}, 400, "sys_id"),
        ({"short_description": "x", "caller_id": "1" * 32}, 400, "no such user"),
        ({"description": "x"}, 403, "Data Policy Exception: Short description is mandatory"),
        ({"short_description": "x", "state": "6"}, 403, "mandatory: Resolution code, Resolution notes"),
        ({"short_description": "x", "state": "7"}, 403, "ACL Exception Insert Failed"),
        (b"{", 400, "not valid JSON"),
    ],
)
def test_a_record_that_is_not_right_is_refused(body: Any, status: int, words: str) -> None:
    desk = Desk()
    answer = desk.call("POST", "/api/now/table/incident", body)
    assert (answer.status, answer.kind) == (status, LineKind.TURNED_AWAY)
    assert words in error(answer)[1]
    assert answer.note
    assert not desk.saved
    assert not desk.it.cases()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/now/table/incident", {"content-type": ""}, 400),
        ("POST", "/api/now/table/incident", {"content-type": "application/xml"}, 415),
        ("POST", "/api/now/table/incident", {"accept": "text/html"}, 406),
        ("POST", "/api/now/table/problem", {}, 400),
        ("POST", "/api/now/table/sys_user", {}, 403),
        ("PATCH", f"/api/now/table/incident/{'0' * 32}", {}, 404),
        ("PATCH", "/api/now/table/incident", {}, 405),
        ("DELETE", "/api/now/table/incident", {}, 405),
        ("POST", "/api/now/tabel/incident", {}, 400),
        ("POST", "/api/now/table/incident?sysparm_foo=1", {}, 400),
    ],
)
def test_a_call_that_is_not_known_is_refused(method: str, path: str, headers: Mapping[str, str], status: int) -> None:
    answer = Desk().call(method, path, {"short_description": "x"}, headers=headers)
    assert answer.status == status
    assert error(answer)


def test_what_is_over_changes_no_more() -> None:
    desk = Desk()
    path = f"/api/now/table/incident/{(record := desk.made())['sys_id']}"
    refused = desk.call("PATCH", path, {"state": "6"})
    assert "The following fields are mandatory: Resolution code, Resolution notes" in error(refused)[1]
    done = {"state": "6", "close_code": "Solution provided", "close_notes": "Done"}
    assert results(desk.call("PATCH", path, done))["resolved_at"]
    assert results(desk.call("PUT", path, {"state": "2"}))["resolved_at"] == ""
    desk.does(record["sys_id"], "resolve")
    desk.does(record["sys_id"], "close")
    refused = desk.call("PATCH", path, {"comments": "Hello?"})
    assert refused.status == 403
    assert error(refused)[1] == "ACL Exception Update Failed due to security constraints"


def test_display_values_are_taken_where_that_is_asked_for() -> None:
    desk = Desk()
    record = desk.made()
    desk.does(record["sys_id"], "assign")
    path = f"/api/now/table/incident/{record['sys_id']}?sysparm_input_display_value=true"
    changed = results(desk.call("PATCH", path, {"state": "On Hold", "assigned_to": "Beth Anglin"}))
    assert changed["state"] == "3"
    assert desk.call("PATCH", path, {"assigned_to": "Nobody Known"}).status == 400


def test_an_interaction_and_a_table_of_their_own() -> None:
    desk = Desk("interaction")
    refused = desk.call("POST", "/api/now/table/interaction", {"short_description": "x"})
    assert error(refused)[1] == "Data Policy Exception: Type is mandatory"
    made = desk.call("POST", "/api/now/table/interaction", {"type": "chat", "short_description": "x"})
    ref = made.address
    assert json.loads(made.body)["result"]["state"] == "new"
    for does, state in [("progress", "work_in_progress"), ("hold", "on_hold"), ("resolve", "wrap_up")]:
        assert json.loads(desk.does(ref, does).body)["state"] == state
    desk.does(ref, "reopen")
    assert json.loads(desk.does(ref, "abandon").body)["state"] == "closed_abandoned"
    assert desk.it.cases()[0].writes == ()
    own = Desk(table="x_acme_case")
    assert own.call("POST", "/api/now/table/x_acme_case", {"short_description": "x"}).status == 201
    assert [one.number for one in own.it.cases()] == ["TASK0010001"]


def test_the_oldest_cases_make_room() -> None:
    desk = Desk()
    for number in range(53):
        desk.made(short_description=f"Case {number}", comments="Words")
    assert len(desk.it.cases()) == 50
    assert desk.it.cases()[0].title == "Case 52"
    assert len(desk.rehearsal.contents["journal"]) == 50


# --- The business rule ----------------------------------------------------------------------------------------------


def test_the_rule_tells_of_our_own_changes_too() -> None:
    desk = Desk()
    made = desk.call("POST", "/api/now/table/incident", {"short_description": "x", "correlation_id": KEY})
    (told,) = posted(made)
    assert set(told) == {"event_id", "table", "sys_id", "number", "sys_mod_count", "state", "correlation_id"}
    path = f"/api/now/table/incident/{made.address}"
    (first, second) = posted(desk.call("PATCH", path, {"comments": "Seen", "work_notes": "Hidden"}))
    assert first["event_id"] != second["event_id"]
    assert [one["journal"]["element"] for one in (first, second)] == ["comments", "work_notes"]
    assert first["journal"]["sys_created_by"] == "us"
    assert set(first["journal"]) == {"element", "value", "sys_id", "sys_created_on", "sys_created_by"}
    assert not posted(desk.call("PATCH", path, {"category": "network"}))


def test_the_agent_writes_and_we_are_told_with_a_signature() -> None:
    desk = Desk()
    record = desk.made(correlation_id=KEY)
    saying = desk.does(record["sys_id"], "reply", "Hello ü")
    told = json.loads(saying.body)
    assert (saying.url, saying.text, saying.key) == (INBOUND, "Hello ü", told["event_id"])
    assert (told["correlation_id"], told["sys_mod_count"]) == (KEY, "1")
    assert told["journal"]["value"] == "Hello ü"
    assert told["journal"]["sys_created_by"] == "beth.anglin"
    headers = desk.it.sign(INBOUND, saying.body, wrongly=False)
    at = headers["x-convoship-timestamp"]
    wanted = hmac.new(b"s3cret", f"{at}.{saying.body}".encode(), hashlib.sha256).digest()
    assert headers["x-convoship-signature"] == base64.b64encode(wanted).decode()
    assert desk.it.sign(INBOUND, saying.body, wrongly=True)["x-convoship-signature"] not in headers.values()
    (case,) = desk.it.cases()
    assert [(one.role, one.text) for one in case.entries] == [("agent", "Hello ü")]


def test_without_the_rule_nobody_is_told() -> None:
    desk = Desk()
    record = desk.made()
    who = cast(Actor, None)
    assert desk.it.act(who, {"act": "remove_rule"}).action == "rehearsal.rule_removed"
    assert desk.does(record["sys_id"], "reply", "Hello").url == ""
    path = f"/api/now/table/incident/{record['sys_id']}"
    assert not desk.call("PATCH", path, {"comments": "Us"}).reports
    assert desk.rehearsal.contents["has_rule"] is False
    desk.it.act(who, {"act": "install_rule"})
    assert desk.does(record["sys_id"], "hold").url == INBOUND
    with pytest.raises(Unsayable):
        desk.it.act(who, {"act": "dance"})


def test_what_the_agent_cannot_do_is_said() -> None:
    desk = Desk()
    record = desk.made()
    for address, does, text in [
        ("0" * 32, "reply", "x"),
        (record["sys_id"], "dance", ""),
        (record["sys_id"], "reply", ""),
    ]:
        with pytest.raises(Unsayable):
            desk.does(address, does, text)
    assert desk.does(record["sys_id"], "assign").url == ""
    desk.does(record["sys_id"], "resolve", "Restarted it")
    assert dict(desk.it.cases()[0].facts)["Resolution"] == "Restarted it"
    assert json.loads(desk.does(record["sys_id"], "reopen").body)["state"] == "2"


@pytest.mark.parametrize("does", ["assign", "hold"])
def test_words_that_stand_in_the_field_are_saved_along_and_not_lost(does: str) -> None:
    desk = Desk()
    told = json.loads(desk.does(desk.made()["sys_id"], does, "One moment, please").body)
    assert (told["journal"]["element"], told["journal"]["value"]) == ("comments", "One moment, please")
    assert desk.it.cases()[0].entries[-1].text == "One moment, please"


# --- Files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_attached_to_a_record() -> None:
    desk = Desk()
    ref = desk.made()["sys_id"]
    path = f"/api/now/attachment/file?table_name=incident&table_sys_id={ref}&file_name=plan.pdf"
    answer = desk.call("POST", path, b"%PDF-", headers={"content-type": "application/pdf"})
    made = json.loads(answer.body)["result"]
    assert (answer.status, answer.text, made["size_bytes"]) == (201, "plan.pdf", "5")
    assert answer.headers["Location"].endswith(made["sys_id"])
    found = results(desk.call("GET", f"/api/now/table/sys_attachment?table_sys_id={ref}"))
    assert [one["file_name"] for one in found] == ["plan.pdf"]
    missing = desk.call("POST", path.replace("file_name", "filename"), b"x", headers={"content-type": "text/plain"})
    assert missing.status == 400
    assert desk.call("POST", path, b"x", headers={"content-type": ""}).status == 400
    gone = path.replace(ref, "0" * 32)
    assert desk.call("POST", gone, b"x", headers={"content-type": "text/plain"}).status == 404


# --- Virtual Agent --------------------------------------------------------------------------------------------------


def test_a_chat_goes_to_an_agent_and_ends() -> None:
    desk = Desk("virtual_agent")
    ref = waiting(desk)
    assert [act.word for act in desk.it.cases()[0].acts] == ["accept", "no_agents"]
    accepted = json.loads(desk.does(ref, "accept").body)
    kinds = [one["actionType"] for one in accepted["body"]]
    assert kinds == ["EndSpinner", "SwitchToLiveAgent", "SubscribeToChatPresence", "System"]
    assert accepted["agentChat"] is True
    assert "entered" in accepted["body"][3]["message"]
    sent = desk.bot(message={"text": "It was blue", "typed": True, "clientMessageId": KEY})
    assert (sent.kind, sent.text, sent.address, sent.delivery_id) == (LineKind.CAUGHT, "It was blue", ref, KEY)
    assert json.loads(sent.body) == {"status": "success"}
    assert not sent.reports
    reply = json.loads(desk.does(ref, "reply", "I see").body)
    (element,) = reply["body"]
    assert (element["uiType"], element["value"]) == ("OutputText", "I see")
    assert element["agentInfo"]["sentFromAgent"] is True
    assert element["agentInfo"]["agentName"] == "Beth Anglin"
    assert (reply["clientSessionId"], reply["requestId"], reply["userId"]) == ("c-1", KEY, "beth")
    assert "completed" not in reply
    assert desk.it.sign(INBOUND, "", wrongly=False) == {"x-convoship-secret": "s3cret"}
    assert desk.it.sign(INBOUND, "", wrongly=True) != {"x-convoship-secret": "s3cret"}
    updated = desk.bot(action="UPDATE_MESSAGES", message=[{"id": element["messageId"], "status": "sent_to_user"}])
    assert updated.body == "Message Processed Successfully"
    ended = json.loads(desk.does(ref, "end").body)
    assert ended["completed"] is True
    assert "agentChat" not in ended
    assert desk.it.cases()[0].acts == ()
    assert not posted(desk.bot(action="END_CONVERSATION", message={"text": "", "typed": True}))


@pytest.mark.parametrize(
    ("does", "ui_type"),
    [
        ("card", "OutputCard"),
        ("link", "OutputLink"),
        ("links", "GroupedPartsOutputControl"),
        ("image", "OutputImage"),
        ("html", "OutputHtml"),
        ("picker", "Picker"),
        ("upload", "FileUpload"),
        ("fancy", "FancyControl"),
        ("typing", "ActionMsg"),
        ("stop_typing", "ActionMsg"),
    ],
)
def test_an_agent_sends_controls(does: str, ui_type: str) -> None:
    desk = Desk("virtual_agent")
    ref = waiting(desk)
    desk.does(ref, "accept")
    body = json.loads(desk.does(ref, does, "Look").body)["body"]
    assert [one["uiType"] for one in body] == [ui_type]
    if does == "card":
        assert json.loads(body[0]["data"])["title"] == "Look"


def test_an_agent_reads_who_it_is_and_not_their_id_where_the_history_names_them() -> None:
    desk = Desk("virtual_agent")
    waiting(desk)
    assert desk.it.cases()[0].title == "Chat with beth"
    history = [{"displayName": "Grace Hopper", "isBotMessage": False, "value": "Hi"}]
    context = {"live_agent_only": "true", "liveagent_order": "K2"}
    told = {"text": "A person", "typed": True}
    desk.bot(action="AGENT", clientSessionId="c-2", message=told, history=history, contextVariables=context)
    case = desk.it.cases()[0]
    assert (case.title, dict(case.facts)["Order"]) == ("Chat with Grace Hopper", "K2")
    assert "Live_agent_only" not in dict(case.facts)
    assert {one.name for one in case.entries if one.role == "customer"} == {"Grace Hopper"}


@pytest.mark.parametrize(("mode", "other"), [("virtual_agent", "ignored"), ("incident", "silent_agent")])
def test_only_what_its_mode_can_meet_is_offered(mode: str, other: str) -> None:
    offered = {one.word for one in ServicenowDesk.faults_for({"mode": mode})}
    assert {one.word for one in ServicenowDesk.faults} - offered == {other}


def test_nobody_is_there_somebody_leaves_or_they_end_it() -> None:
    desk = Desk("virtual_agent")
    ref = waiting(desk)
    nobody = json.loads(desk.does(ref, "no_agents").body)
    assert nobody["body"][1]["value"].startswith("No agents are available")
    assert "agentChat" not in nobody
    desk.bot(action="AGENT", message={"text": "", "typed": True})
    desk.does(ref, "accept")
    assert json.loads(desk.does(ref, "leave").body)["body"][0]["actionType"] == "SwitchToVirtualAgent"
    desk.bot(action="AGENT", message={"text": "", "typed": True})
    (last,) = posted(desk.bot(action="END_CONVERSATION", message={"text": "", "typed": True}))
    assert last["completed"] is True
    desk.bot(message={"text": "hi", "typed": True})
    assert len(desk.it.cases()) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"mesage": {"text": "x"}}, "mesage"),
        ({}, "message"),
        ({"message": {"text": "x"}}, "message.typed"),
        ({"message": {"typed": True}}, "message.text"),
        ({"message": {"text": "x", "typed": "true"}}, "message.typed"),
        ({"message": {"text": "x", "typed": True, "colour": "red"}}, "message.colour"),
        ({"message": {"text": "x", "typed": True}, "action": "HELLO"}, "action"),
        ({"message": {"text": "x", "typed": True}, "action": "END_CONVERSATION"}, "message.text"),
        ({"message": {"text": "x", "typed": True}, "requestId": ""}, "requestId"),
        ({"message": {"text": "x", "typed": True}, "silentMessage": "true"}, "silentMessage"),
        ({"message": {"text": "x", "typed": True}, "timezone": "Mars"}, "timezone"),
        ({"message": {"text": "x", "typed": True}, "timestamp": "now"}, "timestamp"),
        ({"message": {"text": "x", "typed": True}, "cause": "x"}, "cause"),
        ({"message": {"text": "x", "typed": True}, "topic": {"name": "x"}}, "topic"),
        ({"message": {"typed": True}, "action": "SWITCH", "topic": {"name": "x", "id": "y"}}, "topic"),
        ({"message": {"attachment": {"url": "https://x"}}}, "message.attachment"),
        ({"message": {"attachment": {"url": "https://x", "fileName": "x", "contentType": "a/b"}}}, "contentType"),
        ({"action": "SEND_HISTORY", "history": [{"isBotMessage": True, "value": "x", "timestamp": "1"}]}, "history[0]"),
        ({"action": "UPDATE_MESSAGES", "message": [{"id": "x", "status": "sent_to_user"}]}, "message.id"),
    ],
)
def test_a_request_that_virtual_agent_would_drop_is_refused(more: dict[str, Any], words: str) -> None:
    desk = Desk("virtual_agent")
    answer = desk.bot(**more)
    assert (answer.status, answer.kind) == (400, LineKind.TURNED_AWAY)
    assert words in error(answer)[1]
    assert not answer.reports


def test_signs_of_typing_are_taken_and_meet_no_fault() -> None:
    desk = Desk("virtual_agent")
    waiting(desk)
    answer = desk.bot(action="TYPING", fault="broken")
    assert (answer.status, answer.kind) == (200, LineKind.ASKED)
    assert not answer.reports


# --- Faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("limited", 429, "Rate limit exceeded"),
        ("broken", 500, "Internal server error"),
        ("no_rights", 403, "ACL Exception Insert Failed due to security constraints"),
        ("sleeping", 200, "Instance Hibernating page"),
    ],
)
def test_a_fault_takes_nothing(fault: str, status: int, words: str) -> None:
    desk = Desk()
    body = {"short_description": "x", "comments": "Words", "correlation_id": KEY}
    answer = desk.call("POST", "/api/now/table/incident", body, fault=fault)
    assert (answer.status, answer.kind, answer.text) == (status, LineKind.TURNED_AWAY, "Words")
    assert words in answer.body
    assert answer.delivery_id == KEY
    assert not desk.saved
    assert not desk.it.cases()


def test_a_limit_has_the_four_headers() -> None:
    answer = Desk().call("POST", "/api/now/table/incident", {"short_description": "x"}, fault="limited")
    wanted = {"Retry-After", "X-RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Rule"}
    assert wanted == set(answer.headers)
    assert error(answer)[1] == "Rate limit of 100 requests per hour for Table API exceeded"


def test_an_instance_that_sleeps_on_sleeps_for_questions_too() -> None:
    desk = Desk()
    assert "Hibernating" in desk.call("GET", "/api/now/table/incident", fault="sleeping").body
    desk.rehearsal.fault_calls = 1
    assert results(desk.call("GET", "/api/now/table/incident", fault="sleeping")) == []


def test_what_is_not_kept_is_not_there() -> None:
    desk = Desk()
    body = {"short_description": "x", "correlation_id": KEY}
    answer = desk.call("POST", "/api/now/table/incident", body, fault="ignored")
    assert (answer.status, answer.delivery_id) == (201, KEY)
    assert json.loads(answer.body)["result"]["correlation_id"] == ""
    assert results(desk.call("GET", f"/api/now/table/incident?sysparm_query=correlation_id={KEY}")) == []


def test_a_silent_agent_never_says_anything() -> None:
    desk = Desk("virtual_agent")
    answer = desk.bot(action="AGENT", message={"text": "Help", "typed": True}, fault="silent_agent")
    assert (answer.status, answer.reports) == (200, [])
    assert desk.does(answer.address, "accept").url == ""
    assert not desk.bot(action="END_CONVERSATION", message={"text": "", "typed": True}).reports


def test_what_is_taken_in_silence_is_there() -> None:
    desk = Desk()
    answer = desk.call("POST", "/api/now/table/incident", {"short_description": "x"}, fault="silent")
    assert answer.hangs
    assert len(desk.it.cases()) == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"action": [], "message": 1, "userId": {}}', b'{"requestId": {"a": 1}}']
)
def test_what_is_no_request_at_all_breaks_nothing(body: bytes) -> None:
    for mode, path in (("virtual_agent", BOT), ("incident", "/api/now/table/incident")):
        for fault in ("", "limited", "sleeping", "silent_agent", "ignored"):
            answer = Desk(mode).call("POST", path, body, headers={"content-type": "application/json"}, fault=fault)
            assert answer.status in {200, 400, 429}
            assert answer.kind == LineKind.TURNED_AWAY
