"""People through the API: found, read, corrected, merged and parted, blocked, exported, erased."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments import conversations, handoff, tagging
from deployments.models import Conversation, Handoff, Identity, Message, Person
from tests import factories, people
from tests.api.conftest import Program, program
from workspaces.models import AuditEvent


def actions(api: Program) -> list[str]:
    with tenant(api.workspace.id):
        rows = AuditEvent.objects.filter(action__startswith="person").order_by("created_at")
        return list(rows.values_list("action", flat=True))


def test_people_are_listed_the_newest_first_and_found_by_what_is_known_of_them(api: Program) -> None:
    site = factories.make_deployment(api.workspace)
    ada, _ = people.met(site, user={"name": "Ada Lovelace", "email": "ada@navy.example"})
    bob = people.proved(api.workspace, "crm-4711", "Bob")
    cleo = people.at_number(api.workspace, "+4915112345678", "Cleo")
    rows = api.get("/people").data["results"]
    assert [row["id"] for row in rows] == [str(cleo.id), str(bob.id), str(ada.id)]
    assert rows[0]["identities"][0]["value"] == "+4915112345678"
    assert rows[1]["known_by"] == {"name": "token", "email": None}
    assert rows[2]["known_by"] == {"name": "themselves", "email": "themselves"}
    for words, who in [
        ("lovelace", ada),
        ("ada@navy", ada),
        ("crm-47", bob),
        ("+49 151 1234", cleo),
        ("0151 12", None),
        ("1234567", cleo),
    ]:
        found = [
            row["id"]
            for row in api.call("GET", f"/people?q={words.replace('+', '%2B').replace(' ', '%20')}").data["results"]
        ]
        assert found == ([str(who.id)] if who else []), words
    assert [row["id"] for row in api.get("/people?verified=true").data["results"]] == [str(bob.id)]
    assert [row["id"] for row in api.get("/people?channel=web").data["results"]] == [str(ada.id)]
    assert api.get("/people?blocked=true").data["results"] == []
    assert api.get("/people?limit=2").data["next"]


def test_who_was_only_met_in_a_test_is_not_listed(api: Program) -> None:
    person, opened = people.met(factories.make_deployment(api.workspace))
    with tenant(api.workspace.id):
        Conversation.objects.filter(id=opened.session.conversation_id).update(is_test=True)
    assert api.get("/people").data["results"] == []
    assert api.get(f"/people/{person.id}").status_code == 200


@pytest.mark.parametrize("query", ["?q=a%00", "?blocked=maybe", "?channel=fax", "?who=ada", "?cursor=zzz"])
def test_a_filter_that_makes_no_sense_is_refused(api: Program, query: str) -> None:
    assert api.get(f"/people{query}").status_code == 422


def test_what_a_member_writes_stays_when_the_person_types_something_else(api: Program) -> None:
    site = factories.make_deployment(api.workspace)
    person, _ = people.met(site, visitor_id="browser", user={"name": "Jon"})
    changed = api.patch(f"/people/{person.id}", {"name": " John ", "email": "john@acme.example"})
    assert changed.status_code == 200, changed.data
    assert changed.data["known_by"] == {"name": "member", "email": "member"}
    again, _ = people.met(site, visitor_id="browser", user={"name": "Jon"})
    assert again.id == person.id
    assert api.get(f"/people/{person.id}").data["name"] == "John"
    emptied = api.patch(f"/people/{person.id}", {"name": ""})
    assert emptied.data["known_by"]["name"] is None
    people.met(site, visitor_id="browser", user={"name": "Jon"})
    assert api.get(f"/people/{person.id}").data["name"] == "Jon"
    assert actions(api) == ["person.changed", "person.changed"]


@pytest.mark.parametrize(
    "body",
    [
        {"email": "no address"},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"fields": {"unknown": 1}},
        {"fields": []},
        {"external_id": "x"},
        {"name": 5},
    ],
)
def test_a_change_that_can_not_be_kept_is_refused(api: Program, body: Any) -> None:
    person = people.at_number(api.workspace, "+4915112345678", "Cleo")
    assert api.patch(f"/people/{person.id}", body).status_code == 422
    assert actions(api) == []


FIELDS: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("text", {}, " gold ", "gold"),
    ("number", {}, 3.5, 3.5),
    ("number", {}, "12", 12),
    ("date", {}, "2026-11-27", "2026-11-27"),
    ("yes_no", {}, True, True),
    ("choice", {"choices": ["free", "paid"]}, "paid", "paid"),
]
WRONG: list[tuple[str, dict[str, Any], Any]] = [
    ("text", {}, 5),
    ("text", {}, "x" * 501),
    ("number", {}, "twelve"),
    ("number", {}, True),
    ("number", {}, "inf"),
    ("number", {}, "9" * 400),
    ("date", {}, "27.11.2026"),
    ("yes_no", {}, "perhaps"),
    ("choice", {"choices": ["free", "paid"]}, "stolen"),
]


@pytest.mark.parametrize(("kind", "more", "value", "kept"), FIELDS)
def test_a_field_of_the_workspaces_own_keeps_values_of_its_kind(
    api: Program, kind: str, more: dict[str, Any], value: Any, kept: Any
) -> None:
    field = api.made("/person-fields", {"key": "plan", "label": "Plan", "kind": kind, **more})
    person = people.at_number(api.workspace, "+4915112345678")
    assert api.patch(f"/people/{person.id}", {"fields": {"plan": value}}).data["fields"] == {"plan": kept}
    assert api.patch(f"/people/{person.id}", {"fields": {"plan": None}}).data["fields"] == {}
    api.patch(f"/people/{person.id}", {"fields": {"plan": value}})
    assert api.call("DELETE", f"/person-fields/{field['id']}").status_code == 204
    assert api.get(f"/people/{person.id}").data["fields"] == {}


@pytest.mark.parametrize(("kind", "more", "value"), WRONG)
def test_a_value_of_another_kind_is_refused_beside_its_field(
    api: Program, kind: str, more: dict[str, Any], value: Any
) -> None:
    api.made("/person-fields", {"key": "plan", "label": "Plan", "kind": kind, **more})
    person = people.at_number(api.workspace, "+4915112345678")
    answer = api.patch(f"/people/{person.id}", {"fields": {"plan": value}})
    assert answer.status_code == 422
    assert list(answer.data["errors"]) == ["fields.plan"]


@pytest.mark.parametrize(
    "body",
    [
        {"key": "Plan"},
        {"label": ""},
        {"kind": "colour"},
        {"kind": "choice"},
        {"choices": ["a"]},
        {"kind": "choice", "choices": ["x" * 61]},
    ],
)
def test_a_field_that_can_not_be_is_refused(api: Program, body: dict[str, Any]) -> None:
    good = {"key": "plan", "label": "Plan", "kind": "text"}
    assert api.post("/person-fields", {**good, **body}).status_code == 422
    made = api.made("/person-fields", good)
    assert api.post("/person-fields", good).data["errors"] == {
        "key": ["There is a field plan already. Choose another key."]
    }
    assert api.patch(f"/person-fields/{made['id']}", {"label": "Tariff"}).data["label"] == "Tariff"
    assert [row["label"] for row in api.get("/person-fields").data["results"]] == ["Tariff"]


def test_notes_are_written_read_and_deleted(api: Program) -> None:
    person = people.at_number(api.workspace, "+4915112345678")
    path = f"/people/{person.id}/notes"
    made = api.made(path, {"text": "Calls in the <b>morning</b>."})
    assert api.get(path).data["results"] == [made]
    other = people.at_number(api.workspace, "+4915112345679")
    assert api.call("DELETE", f"/people/{other.id}/notes/{made['id']}").status_code == 404
    assert api.call("DELETE", f"{path}/{made['id']}").status_code == 204
    assert api.get(path).data["results"] == []
    for text in ("", " ", "x" * 4001, "a\x00"):
        assert api.post(path, {"text": text}).status_code == 422
    assert actions(api) == ["person.noted", "person.note_deleted"]


def test_two_become_one_and_are_parted_again(api: Program) -> None:
    site = factories.make_deployment(api.workspace)
    ada, opened = people.met(site, user={"name": "Ada", "email": "ada@navy.example"})
    phone = people.at_number(api.workspace, "+4915112345678")
    api.made("/person-fields", {"key": "plan", "label": "Plan", "kind": "text"})
    api.patch(f"/people/{ada.id}", {"fields": {"plan": "gold"}})
    note = api.made(f"/people/{ada.id}/notes", {"text": "Kind."})
    before = [api.get(f"/people/{row.id}").data for row in (ada, phone)]
    made = api.made(f"/people/{phone.id}/merge", {"from": str(ada.id)})
    assert made["person"]["id"] == str(phone.id)
    assert (made["person"]["name"], made["person"]["fields"]) == ("Ada", {"plan": "gold"})
    assert api.get(f"/people/{ada.id}").data["id"] == str(phone.id)
    assert [row["id"] for row in api.get("/people").data["results"]] == [str(phone.id)]
    assert api.get(f"/people/{phone.id}/notes").data["results"] == [note]
    assert api.get(f"/conversations?person={phone.id}").data["results"][0]["id"] == str(opened.session.conversation_id)
    parted = api.post(f"/people/merges/{made['merge']['id']}/undo")
    assert parted.status_code == 200, parted.data
    assert [api.get(f"/people/{row.id}").data for row in (ada, phone)] == before
    assert api.get(f"/people/{ada.id}/notes").data["results"] == [note]
    assert api.post(f"/people/merges/{made['merge']['id']}/undo").status_code == 409
    assert actions(api)[-2:] == ["person.merged", "person.parted"]


def test_two_who_are_proved_are_not_made_one(api: Program) -> None:
    one, two = people.proved(api.workspace, "u-1"), people.proved(api.workspace, "u-2")
    refused = api.post(f"/people/{one.id}/merge", {"into": str(two.id)})
    assert refused.status_code == 409
    assert refused.data["detail"].startswith("Both are proved by your own server")
    assert api.get(f"/people/{one.id}").data["external_id"] == "u-1"


@pytest.mark.parametrize("body", [{}, {"into": "x"}, {"into": "00000000-0000-4000-8000-000000000000"}, {"to": "x"}])
def test_a_merge_with_nobody_is_refused(api: Program, body: Any) -> None:
    person = people.at_number(api.workspace, "+4915112345678")
    assert api.post(f"/people/{person.id}/merge", body).status_code == 422
    assert api.post(f"/people/{person.id}/merge", {"into": str(person.id)}).status_code == 409


def test_nobody_of_another_workspace_can_be_merged(api: Program, stranger: Program) -> None:
    mine = people.at_number(api.workspace, "+4915112345678")
    theirs = people.at_number(stranger.workspace, "+4915112345678")
    for body in ({"into": str(theirs.id)}, {"from": str(theirs.id)}):
        assert api.post(f"/people/{mine.id}/merge", body).status_code == 422
    assert api.get(f"/people/{theirs.id}").status_code == 404


def test_a_blocked_person_is_let_in_again(api: Program) -> None:
    person = people.at_number(api.workspace, "+4915112345678")
    blocked = api.post(f"/people/{person.id}/block", {"reason": "Insults"})
    assert (blocked.data["state"], blocked.data["blocked_reason"]) == ("blocked", "Insults")
    assert [row["id"] for row in api.get("/people?blocked=true").data["results"]] == [str(person.id)]
    assert api.post(f"/people/{person.id}/block", {"reason": "x" * 301}).status_code == 422
    assert api.post(f"/people/{person.id}/unblock").data["state"] == "active"
    assert api.post(f"/people/{person.id}/unblock").status_code == 200
    assert actions(api) == ["person.blocked", "person.unblocked"]


def test_a_person_is_taken_along_as_one_document(api: Program) -> None:
    person, opened = people.met(
        factories.make_deployment(api.workspace), "Where is my parcel?", user={"name": 'Ada "A" Ł'}
    )
    api.made(f"/people/{person.id}/notes", {"text": "Kind."})
    file = factories.sent_file(opened)
    with tenant(api.workspace.id):
        conversation = conversations.lock(opened.session.conversation_id)
        handoff.request_by(factories.actor(api.workspace), conversation, "They want their money back")
        Handoff.objects.update(answers={"order": "2041"}, summary="Paid back")
        tagging.put(factories.actor(api.workspace), conversation, ["refund"])
        slots, page_now = {"slots": {"city": "Zürich"}}, {"url": "https://shop.example/refunds", "title": "Refunds"}
        Conversation.objects.update(flow_state=slots, page_now=page_now)
        template = {"sid": "HX1", "name": "order_here", "variables": {"1": "Ada"}}
        Message.objects.filter(author_kind="visitor").update(template=template, payload="refund_yes")
    answer = api.post(f"/people/{person.id}/export", {})
    document = json.loads(answer.content)
    assert document["person"]["name"] == 'Ada "A" Ł'
    assert document["notes"][0]["text"] == "Kind."
    (talk,) = document["conversations"]
    assert "Where is my parcel?" in [message["text"] for message in talk["messages"]]
    assert (talk["understood"], talk["page_now"], talk["tags"]) == (slots, page_now, ["refund"])
    (asked,) = talk["handoffs"]
    said = (asked["reason"], asked["answers"], asked["summary"])
    assert said == ("They want their money back", {"order": "2041"}, "Paid back")
    said_by_them = next(message for message in talk["messages"] if message["author"]["kind"] == "visitor")
    assert (said_by_them["template"], said_by_them["tapped"]) == (template, "refund_yes")
    assert document["is_cut"] is False
    assert answer["Content-Disposition"].startswith("attachment;")
    zipped: Any = api.client.post(
        f"/v1/people/{person.id}/export",
        {"files": True},
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.token}"},
    )
    archive = zipfile.ZipFile(io.BytesIO(zipped.content))
    assert json.loads(archive.read("person.json"))["person"] == document["person"]
    assert str(file.id) in archive.read("left-out.txt").decode()  # its content was never stored
    assert actions(api)[-2:] == ["person.exported", "person.exported"]
    assert api.post("/people/00000000-0000-4000-8000-000000000000/export", {}).status_code == 404


def test_who_is_erased_is_gone_and_their_messages_keep_their_places(api: Program) -> None:
    person, opened = people.met(factories.make_deployment(api.workspace), "My name is Ada", user={"name": "Ada"})
    conversation = str(opened.session.conversation_id)
    before = api.get(f"/conversations/{conversation}/messages").data["results"]
    assert api.call("DELETE", f"/people/{person.id}").status_code == 204
    assert api.get(f"/people/{person.id}").status_code == 404
    assert api.get("/people").data["results"] == []
    after = api.get(f"/conversations/{conversation}/messages").data["results"]
    assert [row["seq"] for row in after] == [row["seq"] for row in before]
    assert [row["status"] for row in after] == [row["status"] for row in before]
    assert {row["text"] for row in after} == {""}
    assert {row["reason"] for row in after} == {"Erased with its person."}
    assert sorted(row["rev"] for row in after) == [row["rev"] for row in after]
    whole = api.get(f"/conversations/{conversation}").data
    assert (whole["status"], whole["person"]["name"], whole["last_text"]) == ("completed", "Erased person", "")
    assert whole["rev"] == after[-1]["rev"]
    with tenant(api.workspace.id):
        proof = AuditEvent.objects.get(action="person.erased")
        assert proof.data["messages"] == len(after)
        assert proof.data["conversations"] == 1
        assert "Ada" not in json.dumps(proof.data) + proof.target_label
        assert not Identity.objects.exists()
        assert Person.objects.get().erased_at is not None


def test_scopes_for_people(db: None) -> None:
    reader = program(("people:read",))
    person = people.at_number(reader.workspace, "+4915112345678")
    assert reader.get(f"/people/{person.id}").status_code == 200
    for method, path in [
        ("PATCH", f"/people/{person.id}"),
        ("DELETE", f"/people/{person.id}"),
        ("POST", f"/people/{person.id}/export"),
        ("POST", f"/people/{person.id}/block"),
    ]:
        refused = reader.call(method, path, {})
        assert (refused.status_code, refused.data["scope"]) == (403, "people:write")
    other = program(("conversations:write",))
    assert other.get("/people").data["scope"] == "people:read"
