"""Conversations over the API: found, read, answered, handed over and back, resolved."""

from __future__ import annotations

from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments import conversations, visits
from deployments.models import Conversation, Tag
from deployments.sessions import OpenedSession
from tests import factories
from tests.api.conftest import Program
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(api: Program) -> OpenedSession:
    """A visitor's fresh session in the program's workspace."""
    user = {"name": "Zoe", "email": "zoe@example.com"}
    return factories.start_session(factories.make_deployment(api.workspace), user=user)


@pytest.fixture
def path(opened: OpenedSession) -> str:
    """Its conversation."""
    return f"/conversations/{opened.session.conversation_id}"


def say(opened: OpenedSession, text: str) -> None:
    """The visitor says something."""
    visit = visits.resolve(opened.token, opened.session.id)
    visits.post(visit, factories.caller(), visits.VisitorMessage(client_id=text, text=text))


def test_a_conversation_tells_who_where_and_how_it_stands(api: Program, opened: OpenedSession, path: str) -> None:
    found = api.get(path).data
    assert found["assistant_id"] == str(opened.deployment.assistant_id)
    assert found["deployment_id"] == str(opened.deployment.id)
    assert (found["channel"], found["status"], found["control"]) == ("web", "active", "assistant")
    assert found["person"]["name"] == "Zoe"
    assert found["head_seq"] == 1
    assert found["origin"] == "https://shop.example"
    listed = {key: value for key, value in found.items() if key not in {"handoff", "mails", "call"}}
    assert found["call"] is None
    assert api.get("/conversations").data["results"] == [listed]


def test_the_filters_leave_what_they_name(api: Program, opened: OpenedSession, path: str) -> None:
    other = factories.start_session(factories.make_deployment(api.workspace))
    with tenant(api.workspace.id):
        conversation = conversations.lock(other.session.conversation_id)
        conversations.end(conversation, "completed", "Done.", "")

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"/conversations?{query}").data["results"]]

    first, second = str(opened.session.conversation_id), str(other.session.conversation_id)
    assert ids("") == [second, first]
    assert ids("status=active") == [first]
    assert ids("status=completed") == [second]
    assert ids(f"deployment={other.deployment.id}") == [second]
    assert ids(f"assistant={opened.deployment.assistant_id}") == [first]
    assert ids("control=human") == []
    assert ids("channel=web&control=assistant&status=active") == [first]
    assert ids("q=zOE") == [first]
    assert ids("q=zoe@example") == [first]
    assert ids("q=nobody%25") == []
    # With a person asked for nothing answers, and the visitor's words stay the last.
    visits.ask_for_person(visits.resolve(opened.token, opened.session.id), factories.caller(), "")
    say(opened, "my 100% secret_question")
    assert ids("q=secret_question") == [first]
    assert ids("q=100%25") == [first]


@pytest.mark.parametrize(
    "query",
    [
        "status=open",
        "control=x",
        "channel=telex",
        "assistant=x",
        "deployment=1",
        "statu=active",
        "status=active&status=failed",
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=%D9%A3",
        "cursor=x",
        "cursor=",
        "cursor=WyJ4IiwgMSwgMl0",
        "q=%00",
        "tag=x",
        "assigned_to=x",
        "assigned_to=",
        "snoozed=yes",
        "q=" + "x" * 201,
        "%00=1",
    ],
)
def test_a_filter_that_is_wrong_is_named_instead_of_ignored(api: Program, query: str) -> None:
    answer = api.get(f"/conversations?{query}")
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert answer.data["errors"]


def test_another_workspaces_filter_value_finds_nothing(api: Program, stranger: Program, opened: OpenedSession) -> None:
    assert stranger.get(f"/conversations?assistant={opened.deployment.assistant_id}").data["results"] == []


def test_pages_lead_forward_and_back_over_every_row_once(api: Program) -> None:
    new = factories.make_deployment(api.workspace)
    made = [str(factories.start_session(new).session.conversation_id) for _ in range(7)]
    newest_first = made[::-1]
    with tenant(api.workspace.id):  # ties in time must not lose or double a row
        Conversation.objects.update(last_activity_at=Conversation.objects.latest("last_activity_at").last_activity_at)
    whole = [row["id"] for row in api.get("/conversations").data["results"]]
    assert set(whole) == set(newest_first)

    def follow(address: str | None) -> Any:
        assert address is not None
        assert address.startswith("http://127.0.0.1:8000/v1/conversations?")
        return api.get(address.removeprefix("http://127.0.0.1:8000/v1")).data

    pages = [api.get("/conversations?limit=3&status=active").data]
    assert pages[0]["previous"] is None
    while pages[-1]["next"]:
        assert "status=active" in pages[-1]["next"]
        pages.append(follow(pages[-1]["next"]))
    assert [row["id"] for page in pages for row in page["results"]] == whole
    assert [len(page["results"]) for page in pages] == [3, 3, 1]
    back = follow(pages[-1]["previous"])
    assert back["results"] == pages[1]["results"]
    assert follow(back["next"])["results"] == pages[2]["results"]
    first = follow(back["previous"])
    assert first["results"] == pages[0]["results"]
    assert first["previous"] is None


def test_messages_come_in_their_order_and_in_pages(api: Program, opened: OpenedSession, path: str) -> None:
    for number in range(2):
        say(opened, f"question {number}")
    page = api.get(f"{path}/messages?limit=3").data
    assert [message["seq"] for message in page["results"]] == [1, 2, 3]
    rest = api.get(page["next"].removeprefix("http://127.0.0.1:8000/v1")).data
    assert [message["seq"] for message in rest["results"]] == [4, 5]
    assert rest["next"] is None
    assert rest["results"][0]["author"] == {"kind": "visitor"}


def test_a_program_answers_as_a_person_and_takes_over(api: Program, opened: OpenedSession, path: str) -> None:
    answer = api.post(f"{path}/messages", {"text": "Hello, **Zoe**", "client_id": "one"})
    assert answer.status_code == 201
    assert answer.data["author"] == {"kind": "agent", "name": "Tests"}
    assert answer.data["text"] == "Hello, **Zoe**"
    assert api.get(path).data["control"] == "human"
    texts = [message["text"] for message in api.get(f"{path}/messages").data["results"]]
    assert not [text for text in texts if "csk_" in text]
    say(opened, "thanks")
    assert api.get(path).data["control"] == "human"


def test_the_same_client_id_posts_once(api: Program, path: str) -> None:
    first = api.post(f"{path}/messages", {"text": "Hello", "client_id": "one"})
    again = api.post(f"{path}/messages", {"text": "Hello", "client_id": "one"})
    other = api.post(f"{path}/messages", {"text": "Bye", "client_id": "one"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.data == again.data
    assert (other.status_code, other.data["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "  "},
        {"text": 5},
        {"text": "x" * 8001},
        {"text": "a", "client_id": ""},
        {"text": "a", "client_id": "x" * 65},
        {"text": "a", "blocks": []},
    ],
)
def test_a_message_that_can_not_be_taken_is_refused(api: Program, path: str, body: Any) -> None:
    assert api.post(f"{path}/messages", body).status_code == 422
    assert api.get(path).data["head_seq"] == 1


def test_handing_over_and_back_moves_control_and_tells_the_visitor(
    api: Program, opened: OpenedSession, path: str
) -> None:
    waiting = api.post(f"{path}/handoff", {"reason": "VIP"})
    assert (waiting.status_code, waiting.data["control"]) == (200, "waiting")
    assert waiting.data["handoff_reason"] == "VIP"
    assert waiting.data["waiting_since"]
    head = waiting.data["head_seq"]
    assert api.post(f"{path}/handoff").data["head_seq"] == head
    back = api.post(f"{path}/return")
    assert (back.status_code, back.data["control"], back.data["waiting_since"]) == (200, "assistant", None)
    assert back.data["head_seq"] == head + 1
    refused = api.post(f"{path}/return")
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")


def test_a_resolved_conversation_takes_nothing_more(api: Program, path: str) -> None:
    resolved = api.post(f"{path}/resolve")
    assert (resolved.status_code, resolved.data["status"]) == (200, "completed")
    assert resolved.data["ended_at"]
    assert api.post(f"{path}/resolve").data == resolved.data
    for call, body in (("messages", {"text": "Hi"}), ("handoff", {}), ("return", None)):
        answer = api.post(f"{path}/{call}", body)
        assert (answer.status_code, answer.data["code"]) == (409, "conversation_ended")


def test_every_act_leaves_a_line_in_the_audit_log(api: Program, path: str) -> None:
    api.post(f"{path}/handoff")
    api.post(f"{path}/messages", {"text": "Hello"})
    api.post(f"{path}/return")
    api.post(f"{path}/resolve")
    with tenant(api.workspace.id):
        lines = AuditEvent.objects.filter(action__startswith="conversation.").order_by("created_at")
        actions = [line.action.split(".")[1] for line in lines]
    assert actions == ["handoff_requested", "answered", "returned", "resolved"]


def test_tags_and_snoozing_are_set_and_filtered_by(api: Program, opened: OpenedSession, path: str) -> None:
    other = factories.start_session(factories.make_deployment(api.workspace))
    changed = api.patch(path, {"tags": ["urgent", "Parcel", "URGENT"], "snoozed_until": "2027-01-31T18:00:00+01:00"})
    assert changed.status_code == 200
    assert changed.data["tags"] == ["Parcel", "urgent"]
    assert changed.data["snoozed_until"] == "2027-01-31T17:00:00.000Z"
    with tenant(api.workspace.id):
        parcel = Tag.objects.get(name="Parcel")

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"/conversations?{query}").data["results"]]

    first, second = str(opened.session.conversation_id), str(other.session.conversation_id)
    assert ids(f"tag={parcel.id}") == [first]
    assert ids("snoozed=true") == [first]
    assert ids("snoozed=false") == [second]
    assert api.patch(path, {"tags": ["parcel"], "snoozed_until": None}).data["tags"] == ["Parcel"]
    assert ids("snoozed=true") == []
    assert api.patch(path, {}).data["tags"] == ["Parcel"]
    assert api.patch(path, {"tags": []}).data["tags"] == []
    with tenant(api.workspace.id):
        actions = [event.action for event in AuditEvent.objects.filter(target_id=first)]
    assert actions.count("conversation.untagged") == 2
    assert actions.count("conversation.snoozed") == actions.count("conversation.woken") == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tags": ["x" * 41]}, "tags[0]"),
        ({"tags": [" "]}, "tags[0]"),
        ({"tags": ["a,b"]}, "name"),
        ({"tags": "urgent"}, "tags"),
        ({"tags": [str(number) for number in range(21)]}, "tags"),
        ({"snoozed_until": "soon"}, "snoozed_until"),
        ({"snoozed_until": "2027-01-31T18:00:00"}, "snoozed_until"),
        ({"snoozed_until": "2020-01-31T18:00:00Z"}, "snoozed_until"),
        ({"snoozed_until": "9999-12-31T23:59:59-23:00"}, "snoozed_until"),
        ({"snoozed_until": 5}, "snoozed_until"),
        ({"status": "completed"}, "status"),
    ],
)
def test_a_change_that_is_wrong_is_named_and_nothing_of_it_is_kept(
    api: Program, path: str, body: dict[str, Any], field: str
) -> None:
    answer = api.patch(path, {"tags": ["kept"], **body})
    assert answer.status_code == 422
    assert field in answer.data["errors"]
    assert api.get(path).data["tags"] == []


def test_conversations_of_a_member_of_nobody_and_of_who_asks(api: Program, opened: OpenedSession, path: str) -> None:
    owner = factories.owner_of(api.workspace)
    other = factories.start_session(factories.make_deployment(api.workspace))
    with tenant(api.workspace.id):
        Conversation.objects.filter(id=other.session.conversation_id).update(assigned_to=owner)

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"/conversations?{query}").data["results"]]

    assert ids(f"assigned_to={owner.id}") == [str(other.session.conversation_id)]
    assert ids("assigned_to=none") == [str(opened.session.conversation_id)]
    assert ids("assigned_to=me") == []  # a key is nobody's colleague


def test_the_full_text_goes_through_what_was_said_before_the_last_text(api: Program, opened: OpenedSession) -> None:
    visits.ask_for_person(visits.resolve(opened.token, opened.session.id), factories.caller(), "")
    say(opened, "my blue kettle leaks")
    say(opened, "hello?")
    found = [row["id"] for row in api.get('/conversations?q="blue kettle"').data["results"]]
    assert found == [str(opened.session.conversation_id)]
