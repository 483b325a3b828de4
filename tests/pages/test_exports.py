"""One conversation as a file: JSON for programs, text and PDF for people."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any
from uuid import uuid4

import pytest

from convoship.lib.tenancy import current_workspace_id, tenant
from deployments import conversations, exporting, exporting_cost, exporting_pdf, notes
from deployments.conversations import NewMessage
from deployments.models import Conversation
from tests import factories
from tests.pages.conftest import Browser, words
from workspaces.models import AuditEvent, Workspace


@pytest.fixture
def conversation(workspace: Workspace) -> Conversation:
    made = factories.make_deployment(workspace)
    opened = factories.start_session(made, user={"name": "Zoe\nFake: entry"}, page={"url": "https://shop.example/a"})
    conversation = opened.session.conversation
    file = {
        "id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "name": "<photo>.png",
        "size": 1_500_000,
        "content_type": "image/png",
    }
    with tenant(workspace.id):
        row = conversations.lock(conversation.id)
        said = NewMessage(author_kind="visitor", text="**where** is it?", status="received", attachments=[file])
        conversations.post_message(row, said)
        notes.add(factories.actor(workspace), row, "A *secret* between us")
        answer = NewMessage(author_kind="agent", author_name="Ines", text="Here: **[map](https://a.example)**")
        conversations.post_message(row, answer)
    return conversation


def export(member: Browser, conversation: Conversation, form: str, **query: str) -> Any:
    return member.get(f"/app/conversations/{conversation.id}/export.{form}", data=query)


def words_of_pdf(content: bytes) -> list[bytes]:
    """What stands in a PDF's compressed parts."""
    return [
        zlib.decompress(part) for part in re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", content, re.DOTALL) if part
    ]


def test_as_json_everything_is_there_with_times_in_the_zone(member: Browser, conversation: Conversation) -> None:
    answer = export(member, conversation, "json", zone="Asia/Kolkata")
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == f'attachment; filename="conversation-{str(conversation.id)[:8]}.json"'
    found = json.loads(answer.content)
    assert found["time_zone"] == "Asia/Kolkata"
    assert found["conversation"]["started_at"].endswith("+05:30")
    assert [message["seq"] for message in found["messages"]] == [1, 2, 3]
    assert found["messages"][1]["text"] == "**where** is it?"
    assert found["messages"][1]["attachments"][0]["name"] == "<photo>.png"
    assert "url" not in found["messages"][1]["attachments"][0]
    assert "notes" not in found
    assert b"secret" not in answer.content
    with_notes = json.loads(export(member, conversation, "json", notes="1").content)
    assert [(note["text"], note["after_seq"]) for note in with_notes["notes"]] == [("A *secret* between us", 2)]


def test_as_text_people_read_it_in_order(member: Browser, conversation: Conversation) -> None:
    answer = export(member, conversation, "txt", zone="Europe/Berlin", notes="1")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    found = answer.content.decode()
    assert "Conversation with Zoe Fake: entry" in found
    assert "in Europe/Berlin" in found
    assert "\nFake" not in found
    places = [found.index(part) for part in ("**where** is it?", "<photo>.png, 1.4 MB", "A secret between us", "Ines")]
    assert places == sorted(places)
    assert "Here: map (https://a.example)" in found
    assert "(note, not shown to the visitor)" in found
    assert "secret" not in export(member, conversation, "txt").content.decode()


def test_as_pdf_it_is_one_with_its_fonts(member: Browser, conversation: Conversation) -> None:
    answer = export(member, conversation, "pdf", notes="1")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert b"DejaVu" in answer.content
    plain = export(member, conversation, "pdf").content
    assert len(words_of_pdf(answer.content)) > 0
    assert len(answer.content) > len(plain)


@pytest.mark.parametrize(
    "said",
    [
        "مرحبا بالعالم 123",
        "שלום (עולם)",
        "漢字とかな 한글",
        "😀👩‍👩‍👧 e\u0301 \u200b\u202e\u2066",
        "<script>alert(1)</script> \\ ( ) %PDF endstream",
        "\x01\x1b[31m\x7f",
        "a" * 7000,
        "\n" * 500,
        "",
    ],
)
@pytest.mark.parametrize("form", exporting.FORMATS)
def test_whatever_was_said_can_be_exported(member: Browser, conversation: Conversation, said: str, form: str) -> None:
    with tenant(conversation.workspace_id):
        row = conversations.lock(conversation.id)
        conversations.post_message(row, NewMessage(author_kind="visitor", text=said, status="received"))
        Conversation.objects.update(page_title=said[:300])
        row.person.name = said[:100]
        row.person.save()
    answer = export(member, conversation, form)
    assert answer.status_code == 200
    assert answer["Content-Type"] == exporting.CONTENT_TYPES[form]
    if form == "json":
        assert json.loads(answer.content)["messages"][-1]["text"] == said


def test_a_zone_that_there_is_not_is_said_on_the_page(member: Browser, conversation: Conversation) -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "\x00", "x" * 5000, "europe/berlin"):
        answer = export(member, conversation, "txt", zone=zone)
        assert "There is no such time zone. Name one of the IANA database" in words(answer)
    assert export(member, conversation, "txt", zone="").status_code == 200
    assert export(member, conversation, "docx").status_code == 404


def test_what_is_too_long_for_a_pdf_is_said(
    member: Browser, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(exporting_cost, "MOST_IN_PDF", 2)
        assert "This conversation is too long for a PDF. Export it as text or JSON" in words(
            export(member, conversation, "pdf")
        )
    monkeypatch.setattr(exporting_cost, "LARGEST_PDF", 10)
    assert "too long for a PDF" in words(export(member, conversation, "pdf"))
    monkeypatch.setattr(exporting, "MOST_MESSAGES", 2)
    assert "Only the first 2 messages are in this file." in export(member, conversation, "txt").content.decode()
    assert json.loads(export(member, conversation, "json").content)["is_cut"] is True


def test_a_file_ends_before_it_is_too_large_to_be_made(
    member: Browser, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads(export(member, conversation, "json", notes="1").content)
    assert whole["is_cut"] is False
    sizes = [len(json.dumps([one["blocks"], one["attachments"]])) + len(one["text"]) for one in whole["messages"]]
    # Room for two messages, and not quite for the third.
    monkeypatch.setattr(exporting, "LARGEST", sum(sizes[:2]) + sizes[2] - 1)
    cut = json.loads(export(member, conversation, "json", notes="1").content)
    assert (len(cut["messages"]), cut["notes"], cut["is_cut"]) == (2, [], True)
    assert "Only the first 2 messages are in this file." in export(member, conversation, "txt").content.decode()


FILES = [{"id": str(uuid4()), "name": "ם" * 200, "size": 1, "content_type": "text/plain"}] * 100
ITEMS = [{"title": "x" * 200, "text": "y" * 1000}] * 100


@pytest.mark.parametrize(
    ("more", "is_drawn"),
    [
        ([{"text": "where is it? " * 600}] * 3, True),
        ([{"text": "where is it? " * 600}] * 45, False),
        ([{"text": "אa" * 4000}], True),
        ([{"text": "אa" * 4000}] * 3, False),
        ([{"text": "א\n" * 1500}], False),
        ([{"text": "", "attachments": FILES}], False),
        ([{"text": "", "blocks": [{"type": "list", "items": ITEMS}]}] * 3, False),
    ],
)
def test_all_that_is_drawn_counts_and_right_to_left_counts_more(
    member: Browser, conversation: Conversation, more: list[dict[str, Any]], is_drawn: bool
) -> None:
    with tenant(conversation.workspace_id):
        row = conversations.lock(conversation.id)
        conversations.post_messages(row, [NewMessage(author_kind="assistant", **each) for each in more])
    answer = export(member, conversation, "pdf")
    assert answer.content.startswith(b"%PDF-") == is_drawn
    assert is_drawn or "Export it as text or JSON: they hold more." in words(answer)


def test_what_is_far_too_long_is_not_even_read(
    member: Browser, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant(conversation.workspace_id):
        row = conversations.lock(conversation.id)
        conversations.post_message(row, NewMessage(author_kind="assistant", text="שלום " * 2_000_000))
    monkeypatch.delattr(exporting, "_gathered")
    assert "too long for a PDF" in words(export(member, conversation, "pdf"))


@pytest.mark.parametrize("door", ["page", "api"])
def test_it_is_written_down_outside_of_the_transaction(
    member: Browser, conversation: Conversation, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    inside = []
    write = exporting_pdf.drawn

    def note(talk: exporting.Talk) -> bytes:
        inside.append(current_workspace_id())
        return write(talk)

    monkeypatch.setattr(exporting_pdf, "drawn", note)
    if door == "page":
        answer = export(member, conversation, "pdf", notes="1")
    else:
        answer = member.get(f"/v1/conversations/{conversation.id}/export", data={"format": "pdf", "notes": "1"})
    assert answer.content.startswith(b"%PDF-")
    assert answer["Content-Type"] == "application/pdf"
    assert inside == [None]


def test_what_stands_for_the_number_of_pages_can_not_be_typed() -> None:
    page = exporting_pdf._Page("Conversation with {pages}")
    assert page.str_alias_nb_pages == exporting_pdf.PAGES
    assert exporting_pdf._fit("{pages} {nb}") == "{pages} {nb}"
    assert exporting_pdf.PAGES not in exporting_pdf._fit(f"{exporting_pdf.PAGES} of them")


def test_who_took_it_is_in_the_audit_log(member: Browser, conversation: Conversation) -> None:
    export(member, conversation, "txt", notes="1", zone="Europe/Berlin")
    export(member, conversation, "txt", zone="Mars/Olympus")
    with tenant(conversation.workspace_id):
        (line,) = AuditEvent.objects.filter(action="conversation.exported")
    assert line.data == {"format": "txt", "notes": True, "zone": "Europe/Berlin"}
    assert line.target_id == str(conversation.id)
