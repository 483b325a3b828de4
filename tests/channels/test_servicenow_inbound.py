"""What ServiceNow sends us: calls of the business rule, and posts of the Virtual Agent; what is put in there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shutil
import subprocess
import time
from typing import Any

import pytest

from channels_app.providers.base import BadEvent, InboundRequest, SignatureInvalid
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent
from channels_app.providers.servicenow import pasting
from channels_app.providers.servicenow.forms import ServicenowForm
from channels_app.providers.servicenow.provider import Servicenow
from channels_app.providers.servicenow.va_events import COPY_SECONDS
from convoship.machine import node
from tests.channels.servicenow_instance import SECRET, US, account, vendor

SYS_ID = "c537bae64f411200adf9f8e18110c76e"
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e.1"
TOLD = {
    "event_id": "e1",
    "table": "incident",
    "sys_id": SYS_ID,
    "number": "INC0010002",
    "sys_mod_count": "3",
    "state": "2",
    "correlation_id": KEY,
    "journal": {
        "element": "comments",
        "value": "Grüß Gott",
        "sys_id": "a" * 32,
        "sys_created_on": "2026-11-28 10:00:00",
        "sys_created_by": "beth.anglin",
    },
}


def request(body: Any, **headers: str) -> InboundRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return InboundRequest("POST", "https://convoship.example/in", "", {}, named, "application/json", raw)


def signed(body: Any, secret: str = SECRET, at: float | None = None) -> InboundRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    timestamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + raw, hashlib.sha256).digest()
    return request(raw, x_convoship_timestamp=timestamp, x_convoship_signature=base64.b64encode(mac).decode())


# --- The business rule's call -----------------------------------------------------------------------------------------


def test_a_call_that_is_signed_says_which_record_to_look_at_and_no_more() -> None:
    provider, came = Servicenow(account()), signed(TOLD)
    provider.validate_request(came)
    (event,) = provider.parse_events(came)
    assert event == DeskSaid(key="rule:e1", address=SYS_ID, says="changed")


@pytest.mark.parametrize(
    ("came", "reason"),
    [
        (request(TOLD), "signature_missing"),
        (request(TOLD, x_convoship_timestamp=str(int(time.time()))), "signature_missing"),
        (signed(TOLD, secret="another"), "signature_wrong"),
        (signed(TOLD, at=time.time() - 301), "timestamp_old"),
        (signed(TOLD, at=time.time() + 400), "timestamp_old"),
    ],
)
def test_a_call_that_is_not_signed_by_our_secret_now_is_refused(came: InboundRequest, reason: str) -> None:
    with pytest.raises(SignatureInvalid) as refused:
        Servicenow(account()).validate_request(came)
    assert refused.value.reason == reason


def test_a_body_that_was_changed_on_the_way_is_refused() -> None:
    came = signed(TOLD)
    changed = InboundRequest("POST", came.url, "", {}, came.headers, "application/json", came.body + b" ")
    with pytest.raises(SignatureInvalid):
        Servicenow(account()).validate_request(changed)


@pytest.mark.parametrize("mode", ["incident", "virtual_agent"])
def test_without_a_secret_nothing_is_taken(mode: str) -> None:
    provider = Servicenow(account(credentials={"username": US, "password": "p"}, mode=mode))
    for came in (signed(TOLD, secret=""), request(TOLD, x_convoship_secret="")):
        with pytest.raises(SignatureInvalid) as refused:
            provider.validate_request(came)
        assert refused.value.reason == "no_secret"


def test_a_call_that_names_no_record_is_kept_and_not_used() -> None:
    for body in ({}, {"sys_id": "../../x"}, {"sys_id": 5, "event_id": 7}):
        (event,) = Servicenow(account()).parse_events(signed(body))
        assert isinstance(event, NotUsed)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_what_is_no_object_of_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(BadEvent):
        Servicenow(account()).parse_events(signed(body))


# --- What is pasted ---------------------------------------------------------------------------------------------------


def test_what_is_pasted_names_the_address_and_the_property_but_the_value_of_no_secret() -> None:
    own = account()
    prop, condition, script = Servicenow(own).to_paste()
    assert prop.text == pasting.property_of(own)
    assert condition.text == f'current.correlation_display == "Convoship" && gs.getUserName() != "{pasting.USER}"'
    assert US not in "".join(one.text + one.where for one in (prop, condition, script))
    assert own.inbound_url in script.text
    assert prop.text in script.text
    assert "incident" in condition.where
    assert SECRET not in "".join(one.text + one.where for one in (prop, condition, script))


def test_of_an_oauth_application_the_user_is_to_be_put_in() -> None:
    _, condition, script = Servicenow(account(credentials={"client_id": "i", "client_secret": "s"})).to_paste()
    assert pasting.USER in condition.text
    assert pasting.USER in script.text
    assert pasting.USER in condition.where


def test_of_the_virtual_agent_the_address_and_the_header_are_put_in() -> None:
    own = account(mode="virtual_agent")
    url, header = Servicenow(own).to_paste()
    assert (url.text, header.text) == (own.inbound_url, "X-Convoship-Secret")


def test_the_rule_is_es5() -> None:
    _, _, script = Servicenow(account()).to_paste()
    code = re.sub(r"//.*", "", script.text)
    assert not re.search(r"=>|`|\b(?:let|const|class|async|await)\b", code)


def run_rule(script: str, **properties: str) -> dict[str, Any]:
    """The rule in Node, with as much of an instance around it as it asks for; what it would have sent."""
    around = """
var hashing = require("crypto"), sent = {headers: {}}, errors = [];
var properties = PROPERTIES;
var gs = {
    getProperty: function (name, other) { return properties[name] || other; },
    generateGUID: function () { return "e1"; },
    error: function (words) { errors.push(words); }
};
var GlideStringUtil = { base64Encode: function (text) { return Buffer.from(text, "utf8").toString("base64"); } };
function GlideCertificateEncryption() {}
GlideCertificateEncryption.prototype.generateMac = function (key, algorithm, data) {
    if (algorithm !== "HmacSHA256") throw new Error(algorithm);
    return hashing.createHmac("sha256", Buffer.from(key, "base64")).update(data, "latin1").digest("base64");
};
function GlideRecord(table) { this.asked = []; this.table = table; }
GlideRecord.prototype = {
    addQuery: function () { this.asked.push([].slice.call(arguments)); },
    orderByDesc: function () {}, setLimit: function () {}, query: function () {},
    next: function () { sent.query = this.asked; return true; },
    getValue: function (name) { return JOURNAL[name]; },
    getUniqueValue: function () { return JOURNAL.sys_id; }
};
var JOURNAL = JOURNAL_ROW;
var sn_ws = { RESTMessageV2: function () {
    this.setEndpoint = function (url) { sent.url = url; };
    this.setHttpMethod = function (method) { sent.method = method; };
    this.setRequestHeader = function (name, value) { sent.headers[name.toLowerCase()] = value; };
    this.setRequestBody = function (body) { sent.body = body; };
    this.setHttpTimeout = function () {};
    this.executeAsync = function () { sent.how = "async"; };
} };
var RECORD = RECORD_ROW;
var current = {
    getUniqueValue: function () { return RECORD.sys_id; },
    getTableName: function () { return RECORD.table; },
    getValue: function (name) { return RECORD[name]; }
};
var previous = null;
"""
    around = around.replace("PROPERTIES;", json.dumps(properties) + ";")
    around = around.replace("JOURNAL_ROW", json.dumps(TOLD["journal"])).replace("RECORD_ROW", json.dumps(TOLD))
    program = f"{around}\n{script}\nconsole.log(JSON.stringify([sent, errors]));"
    ran = subprocess.run([node_at(), "-"], input=program, capture_output=True, text=True, check=True, timeout=30)
    sent, errors = json.loads(ran.stdout)
    return {**sent, "errors": errors}


def node_at() -> str:
    found = shutil.which("node", path=node.environment().get("PATH"))
    if not found:
        pytest.skip("Node is not here")
    return found


def test_what_the_rule_sends_is_what_is_taken() -> None:
    own = account()
    *_, script = Servicenow(own).to_paste()
    sent = run_rule(script.text, **{pasting.property_of(own): SECRET})
    assert sent["errors"] == []
    assert (sent["url"], sent["method"], sent["how"]) == (own.inbound_url, "post", "async")
    assert sent["body"].isascii()
    assert json.loads(sent["body"]) == TOLD
    assert ["sys_created_by", "!=", pasting.USER] in sent["query"]
    came = InboundRequest("POST", own.inbound_url, "", {}, sent["headers"], "", sent["body"].encode())
    Servicenow(own).validate_request(came)
    assert Servicenow(own).parse_events(came) == [DeskSaid(key="rule:e1", address=SYS_ID, says="changed")]


def test_the_rule_sends_nothing_without_its_property_and_breaks_no_save() -> None:
    *_, script = Servicenow(account()).to_paste()
    sent = run_rule(script.text)
    assert "body" not in sent
    assert "has no value" in sent["errors"][0]


# --- Posts of the Virtual Agent ---------------------------------------------------------------------------------------

CHAT = Servicenow(account(mode="virtual_agent"))


def said(post: Any, **more: Any) -> list[ProviderEvent]:
    return CHAT.parse_events(
        request({"clientSessionId": "s1", "clientVariables": {"convoship_case": KEY}, **post, **more})
    )


def agent(*elements: dict[str, Any], **more: Any) -> list[ProviderEvent]:
    return said({"body": list(elements), "agentChat": True}, **more)


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"uiType": "OutputText", "group": "DefaultText", "value": words, **more}


SWITCHED = {"uiType": "ActionMsg", "actionType": "SwitchToVirtualAgent"}
BETH = {"sentFromAgent": True, "agentName": "Beth Anglin"}


def test_a_post_with_the_secret_is_taken_and_any_other_refused() -> None:
    CHAT.validate_request(request({}, x_convoship_secret=SECRET))
    for headers, reason in (({}, "secret_missing"), ({"x_convoship_secret": "x"}, "secret_wrong")):
        with pytest.raises(SignatureInvalid) as refused:
            CHAT.validate_request(request({}, **headers))
        assert refused.value.reason == reason


def test_a_live_agents_words_are_a_message_of_the_case_that_comes_back() -> None:
    (event,) = agent(text("Hello, how can I help?", messageId="m1", agentInfo=BETH))
    assert event == DeskSaid(
        key="message:m1:0", address=KEY, says="message", name="Beth Anglin", text="Hello, how can I help?"
    )


def test_without_our_variables_the_session_names_the_case() -> None:
    (event,) = agent(text("Hello"), clientVariables=None)
    assert event.address == "s1"


def test_a_repeated_post_is_a_copy_and_the_same_words_later_are_not() -> None:
    one, two = agent(text("ok"))[0], agent(text("ok"))[0]
    assert one.key == two.key
    assert one.copy_seconds == 60
    assert agent(text("ok", messageId="m1"))[0].copy_seconds is None


def test_several_elements_are_told_in_their_order_with_keys_of_their_own() -> None:
    events = agent(text("One", messageId="m1"), text("Two", messageId="m1"))
    assert [getattr(one, "text", "") for one in events] == ["One", "Two"]
    assert len({one.key for one in events}) == 2


def test_typing_is_typing_and_not_the_bots() -> None:
    begins, ends = {"uiType": "ActionMsg", "actionType": "StartTypingIndicator"}, {"actionType": "EndTypingIndicator"}
    on, off = agent(begins, {**begins, **ends})
    assert isinstance(on, DeskSaid)
    assert isinstance(off, DeskSaid)
    assert [(one.says, one.on) for one in (on, off)] == [("typing", True), ("typing", False)]
    assert isinstance(said({"body": [begins]})[0], NotUsed)


def test_waiting_for_an_agent_is_kept_with_its_words() -> None:
    spinner = {
        "uiType": "ActionMsg",
        "actionType": "StartSpinner",
        "spinnerType": "wait_time",
        "message": "Routing you to a live agent...",
        "waitTime": "8 Seconds",
    }
    (event,) = said({"body": [spinner]})
    assert isinstance(event, NotUsed)
    assert "8 Seconds" in event.what
    assert "Routing you" in event.what


@pytest.mark.parametrize("name", ["bot_greets", "bot_asks", "action_did_nothing", "agent_chat"])
def test_what_is_said_before_a_person_has_come_is_kept_and_told_to_nobody(name: str) -> None:
    post = vendor("virtual_agent_posts")[name]
    events = said(post)
    assert len(events) == len(post["body"])
    assert all(isinstance(one, NotUsed) and one.what for one in events)


def test_the_end_of_a_live_conversation_is_told() -> None:
    *_, event = said(vendor("virtual_agent_posts")["agent_chat_ended"])
    assert isinstance(event, DeskSaid)
    assert event.says == "ended"


def test_control_that_is_given_back_is_a_return() -> None:
    (event,) = said(vendor("virtual_agent_posts")["faulted"])
    assert isinstance(event, DeskSaid)
    assert event.says == "returned"


@pytest.mark.parametrize("words", ["The conversation with the live agent has timed out.", "Chat session time-out"])
def test_a_chat_that_timed_out_was_ended_by_nobody(words: str) -> None:
    system = {"uiType": "ActionMsg", "actionType": "System", "message": words}
    events = said({"body": [system, SWITCHED, text("The conversation has ended.")], "completed": True})
    assert [(one.says, one.text) for one in events if isinstance(one, DeskSaid)] == [("lapsed", words)]
    # What an agent says about time is theirs.
    spoken = agent(text("Your request timed out, I will try again.", agentInfo=BETH))
    assert [one.says for one in spoken if isinstance(one, DeskSaid)] == ["message"]


@pytest.mark.parametrize("ends", [{"completed": True}, {"takeControl": True}, {"body": [SWITCHED]}])
def test_a_post_that_ends_a_chat_is_a_copy_at_once_and_later_the_end_of_another(ends: dict[str, Any]) -> None:
    """Two chats of one session may end with the same body."""
    one, two = said(ends)[-1], said(ends)[-1]
    assert isinstance(one, DeskSaid)
    assert one.says in {"ended", "returned"}
    assert one.key == two.key
    assert one.copy_seconds == COPY_SECONDS


def test_that_nobody_is_there_makes_it_unavailable_but_not_an_agents_saying_so() -> None:
    words = "No agents are available at the moment. Please try again later."
    events = said({"body": [text(words)], "completed": True})
    assert [(one.says, one.text) for one in events if isinstance(one, DeskSaid)] == [("unavailable", words)]
    (event,) = agent(text("There is no agent available in that team today", agentInfo=BETH))
    assert isinstance(event, DeskSaid)
    assert event.says == "message"


@pytest.mark.parametrize(
    ("element", "words"),
    [
        (
            {"uiType": "Picker", "label": "Which?", "options": [{"label": "Red", "value": "1"}, {"label": "Blue"}]},
            "Which?\n- Red\n- Blue",
        ),
        (
            {"uiType": "TopicPickerControl", "promptMsg": "Hi", "label": "All", "options": []},
            "Hi\nAll",
        ),
        (
            {"uiType": "OutputLink", "header": "Form", "label": "Open it", "value": {"action": "https://a.example/f"}},
            "Form\nOpen it\nhttps://a.example/f",
        ),
        ({"uiType": "OutputImage", "value": "https://a.example/p.png"}, "https://a.example/p.png"),
        ({"uiType": "OutputHtml", "value": "<p>Hello <b>you</b></p><script>x</script>"}, "Hello you"),
        (
            {
                "uiType": "OutputCard",
                "data": json.dumps({"title": "INC1", "fields": [{"fieldLabel": "State", "fieldValue": "New"}]}),
            },
            "INC1\nState: New",
        ),
        ({"uiType": "OutputCard", "data": "{broken"}, "{broken"),
        (
            {"uiType": "GroupedPartsOutputControl", "header": "Two", "values": [{"label": "A", "value": "1"}]},
            "Two\nA: 1",
        ),
        ({"uiType": "HoloDeck", "value": {"deep": [{"words": "Still here"}]}}, "Still here"),
        (
            {"uiType": "FileUpload", "label": "A photo of it?", "itemType": "File", "maxCount": 1, "maxSize": 25},
            "A photo of it?",
        ),
        ({"uiType": "DateTime", "label": "When?"}, "When?"),
    ],
)
def test_whatever_an_agent_sends_is_told_as_plain_text(element: dict[str, Any], words: str) -> None:
    (event,) = agent({**element, "agentInfo": BETH})
    assert isinstance(event, DeskSaid)
    assert (event.says, event.text) == ("message", words)


@pytest.mark.parametrize("post", [{}, {"body": None}, {"body": "x"}, {"body": [None, 5]}, {"body": {}}])
def test_a_post_of_any_shape_is_answered(post: dict[str, Any]) -> None:
    assert said(post)


def test_the_answer_is_success() -> None:
    assert json.loads(CHAT.build_response(request({}), []).content) == {"status": "success"}


# --- The form ---------------------------------------------------------------------------------------------------------

GOOD = {"instance": "acme", "username": "snow-user", "password": "snow-password", "webhook_secret": "snow-secret"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("acme", "acme"),
        ("https://acme.service-now.com/now/nav/ui", "acme"),
        ("ACME.service-now.com", "acme"),
        ("https://acme.servicenowservices.com", "acme.servicenowservices.com"),
    ],
)
def test_an_instance_may_be_pasted_whole(typed: str, kept: str) -> None:
    form = ServicenowForm({**GOOD, "instance": typed})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["instance"] == kept
    assert (form.cleaned_data["mode"], form.cleaned_data["poll"], form.cleaned_data["on_end"]) == (
        "incident",
        "no",
        "leave",
    )


@pytest.mark.parametrize(
    "typed", ["", "evil.example", "acme@evil.example", "a_b", "acme.service-now.com.evil.example", "127.0.0.1"]
)
def test_no_other_host_is_taken(typed: str) -> None:
    assert "instance" in ServicenowForm({**GOOD, "instance": typed}).errors


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"password": ""}, ["password"]),
        ({"username": "", "password": ""}, ["username", "password"]),
        ({"username": "", "password": "", "client_id": "i"}, ["client_secret"]),
        ({"webhook_secret": ""}, ["webhook_secret"]),
        ({"webhook_secret": "", "mode": "virtual_agent", "poll": "yes"}, ["webhook_secret"]),
        ({"table": "incident?x"}, ["table"]),
        ({"assignment_group": "A^ORactive=true"}, ["assignment_group"]),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_its_field(change: dict[str, str], fields: list[str]) -> None:
    assert list(ServicenowForm({**GOOD, **change}).errors) == fields


def test_who_polls_needs_no_secret_and_an_oauth_application_no_password() -> None:
    assert ServicenowForm({**GOOD, "webhook_secret": "", "poll": "yes"}).is_valid()
    oauth = {"instance": "acme", "client_id": "i", "client_secret": "s", "webhook_secret": "w"}
    assert ServicenowForm(oauth).is_valid()
