"""Message templates over the admin API: listed, fetched anew, made once whatever happens, handed in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from channels_app.models import MessageTemplate
from convoship.lib.tenancy import tenant
from tests.api.conftest import Program, program
from tests.channels import twilio_end
from tests.channels.far_end import Said
from tests.channels.phones import Phone, make_phone
from tests.channels.test_windows import synchronised
from tests.channels.twilio_end import problem
from workspaces.models import AuditEvent

NEW = {
    "name": "order_update",
    "language": "en",
    "category": "UTILITY",
    "body": "Hello {{1}}, your order is here.",
    "variables": {"1": "Ada"},
    "buttons": ["Track it"],
}


@pytest.fixture
def line(transactional_db: None, settings: Any) -> Iterator[Phone]:
    """A WhatsApp connection."""
    from tests import factories

    settings.OUTBOUND_ALLOW_PRIVATE = True
    with twilio_end.running() as end:
        yield make_phone(factories.make_workspace(), end, kind="twilio_whatsapp", name="Our WhatsApp")


@pytest.fixture
def api(line: Phone) -> Program:
    """A program in its workspace."""
    return program(workspace=line.workspace)


def path_of(line: Phone, more: str = "") -> str:
    return f"/connections/{line.connection.id}/templates{more}"


def made(line: Phone) -> int:
    """How many contents Twilio was asked to make."""
    return len([seen for seen in line.twilio.seen if seen.method == "POST" and seen.path.endswith("/v1/Content")])


def test_they_are_listed_with_what_whatsapp_says_and_fetched_when_asked(api: Program, line: Phone) -> None:
    listed = api.get(path_of(line)).data
    assert (listed["results"], listed["synced_at"], listed["fault"]) == ([], None, "")
    sid = line.twilio.add_content("Hello {{1}}, bye.", name="order", variables={"1": "Ada"})
    asked = api.post(path_of(line, "/sync"))
    assert (asked.status_code, asked.data["synced_at"]) == (200, None)
    asyncio.run(line.drain())
    listed = api.get(path_of(line)).data
    assert listed["synced_at"]
    [row] = listed["results"]
    assert {name: row[name] for name in ("sid", "name", "approval", "is_usable", "is_gone", "is_for_window")} == {
        "sid": sid,
        "name": "order",
        "approval": "approved",
        "is_usable": True,
        "is_gone": False,
        "is_for_window": False,
    }
    assert (row["variables"], row["content"], row["content_type"]) == ({"1": "Ada"}, {}, "twilio/text")


def test_buttons_of_our_own_messages_are_no_templates(api: Program, line: Phone) -> None:
    line.twilio._content({"friendly_name": "convoship_0123", "language": "en", "types": {"twilio/text": {"body": "a"}}})
    asyncio.run(synchronised(line))
    assert api.get(path_of(line)).data["results"] == []


def test_one_is_made_and_handed_in_once_under_a_key(api: Program, line: Phone) -> None:
    key = str(uuid4())
    answers = [api.post(path_of(line), NEW, **{"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].data["approval"] == "received"
    assert answers[1].data == answers[0].data
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert made(line) == 1
    other = api.post(path_of(line), NEW | {"body": "Another."}, **{"Idempotency-Key": key})
    assert (other.status_code, other.data["code"]) == (409, "idempotency_conflict")
    assert api.post(path_of(line), NEW, **{"Idempotency-Key": "\t"}).status_code == 422
    with tenant(line.workspace.id):
        assert AuditEvent.objects.filter(action="connection.template_submitted").count() == 1


def test_a_key_whose_call_came_to_nothing_is_good_for_another(api: Program, line: Phone) -> None:
    answers, line.twilio.answers = line.twilio.answers, lambda seen: problem(20429, 429)
    key = {"Idempotency-Key": str(uuid4())}
    refused = api.post(path_of(line), NEW, **key)
    assert refused.status_code == 409
    line.twilio.answers = answers
    assert api.post(path_of(line), NEW, **key).status_code == 201


def test_what_was_made_and_not_handed_in_says_so_and_is_submitted_later(api: Program, line: Phone) -> None:
    answers = line.twilio.answers
    line.twilio.answers = lambda seen: problem(20500, 500) if "ApprovalRequests" in seen.path else answers(seen)
    answer = api.post(path_of(line), NEW)
    assert (answer.status_code, answer.data["approval"]) == (201, "unsubmitted")
    assert answer.data["fault"]
    assert answer.data["remedy"]
    submit = path_of(line, f"/{answer.data['sid']}/submit")
    refused = api.post(submit, {})
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")
    line.twilio.answers = answers
    wrong = api.post(submit, {"name": "Not So"})
    assert (wrong.status_code, set(wrong.data["errors"])) == (422, {"name"})
    done = api.post(submit, {"category": "MARKETING"})
    assert (done.status_code, done.data["approval"], done.data["category"]) == (200, "received", "MARKETING")
    assert api.post(submit, {}).status_code == 409
    assert made(line) == 1


def test_where_nobody_knows_whether_it_was_made_that_is_said(api: Program, line: Phone) -> None:
    answers = line.twilio.answers

    def lost(seen: Any) -> Said:
        answers(seen)
        return Said(cut=True)

    line.twilio.answers = lost
    answer = api.post(path_of(line), NEW)
    assert (answer.status_code, answer.data["code"]) == (503, "unavailable")
    assert "Nobody knows whether the template was made." in answer.data["detail"]
    line.twilio.answers = answers
    asyncio.run(line.drain())
    assert set(api.post(path_of(line), NEW).data["errors"]) == {"name"}
    assert made(line) == 1


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"name": None}, {"name"}),
        ({"name": "A B", "language": "tlh", "category": "UTILITY"}, {"name", "language"}),
        ({"category": "AUTHENTICATION"}, {"category"}),
        ({"body": "{{1}}"}, {"body"}),
        ({"variables": {}}, {"variables.1"}),
        ({"variables": {"1": "Ada", "more": "x"}}, {"variables"}),
        ({"buttons": ["x" * 21]}, {"buttons"}),
        ({"nothing": 1}, {"nothing"}),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    api: Program, line: Phone, change: dict[str, Any], fields: set[str]
) -> None:
    answer = api.post(path_of(line), NEW | change)
    assert (answer.status_code, set(answer.data["errors"])) == (422, fields)
    assert line.twilio.seen == []


def test_another_workspaces_and_other_kinds_have_none(api: Program, stranger: Program, line: Phone) -> None:
    sid = line.twilio.add_content("Hello.", status="unsubmitted")
    asyncio.run(synchronised(line))
    sms = make_phone(line.workspace, line.twilio)
    before = len(line.twilio.seen)
    for method, more, body in (
        ("GET", "", None),
        ("POST", "", NEW),
        ("POST", "/sync", None),
        ("POST", f"/{sid}/submit", {}),
    ):
        missing = stranger.call(method, f"/connections/{uuid4()}/templates{more}", body)
        for caller, path in ((stranger, path_of(line, more)), (api, path_of(sms, more))):
            answer = caller.call(method, path, body)
            assert (answer.status_code, answer.content) == (404, missing.content)
    for odd in ("HX1", "%00", "..", "%ED%A0%80", "x" * 500):
        assert api.post(path_of(line, f"/{odd}/submit"), {}).status_code == 404
    assert len(line.twilio.seen) == before
    with tenant(line.workspace.id):
        assert json.dumps(list(MessageTemplate.objects.values_list("approval", flat=True))) == '["unsubmitted"]'
