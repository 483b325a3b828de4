"""`/v1/assistants/{id}/knowledge`: adding, looking, finding, removing, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from convoship.lib.tenancy import tenant
from deployments.knowledge import rounds
from deployments.models import Assistant, KnowledgeChunk, KnowledgePage, KnowledgeSource
from tests.api.conftest import Program, program
from workspaces.models import AuditEvent

TEXT = {"kind": "text", "title": "Returns", "text": "# Returns\n\nYou may send anything back within sixty days."}


@pytest.fixture
def api(db: None) -> Program:
    """A program that may do everything in its workspace."""
    return program()


@pytest.fixture
def stranger(db: None) -> Program:
    """One that may do everything in another workspace."""
    return program()


def made(api: Program) -> str:
    assistant: str = api.made("/assistants", {"name": "Ada"})["id"]
    return f"/assistants/{assistant}/knowledge"


def read(api: Program, source: Any) -> None:
    with tenant(api.workspace.id):
        row = KnowledgeSource.objects.get(id=source["id"])
    assert rounds.read(api.workspace.id, row.id)


def send(api: Program, path: str, name: str, content: bytes) -> Any:
    form = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile(name, content)})
    response: Any = api.client.generic(
        "POST",
        f"/v1{path}/files",
        form,
        content_type=MULTIPART_CONTENT,
        headers={"Authorization": f"Bearer {api.token}"},
    )
    response.data = response.json()
    return response


def test_a_text_is_added_read_found_and_removed(api: Program) -> None:
    path = made(api)
    source = api.made(path, TEXT)
    assert (source["status"], source["pages"]["ready"]) == ("waiting", 0)
    read(api, source)
    shown = api.get(f"{path}/{source['id']}").data
    assert (shown["status"], shown["pages"]["ready"], shown["next_fetch_at"]) == ("ready", 1, None)
    [page] = api.get(f"{path}/{source['id']}/pages").data["results"]
    assert (page["title"], page["status"], page["language"]) == ("Returns", "ready", "english")
    [passage] = api.post(f"{path}/search", {"text": "how long can I return it"}).data["passages"]
    assert passage["title"] == "Returns"
    assert "sixty days" in passage["text"]
    assert 0 < passage["score"] <= 1
    assert [row["id"] for row in api.get(path).data["results"]] == [source["id"]]
    assert api.call("DELETE", f"{path}/{source['id']}").status_code == 204
    assert api.post(f"{path}/search", {"text": "return"}).data == {"passages": []}
    with tenant(api.workspace.id):
        actions = list(AuditEvent.objects.values_list("action", flat=True).order_by("created_at"))
    assert actions[-2:] == ["knowledge.added", "knowledge.removed"]


def test_a_file_is_added_and_one_that_is_not_read_is_refused_in_words(api: Program) -> None:
    path = made(api)
    answer = send(api, path, "hours.txt", b"We are open from nine to five on working days.")
    assert (answer.status_code, answer.data["kind"], answer.data["title"]) == (201, "file", "hours.txt")
    read(api, answer.data)
    assert api.post(f"{path}/search", {"text": "opening times, when are you open"}).data["passages"]
    assert send(api, path, "a.exe", b"MZ").status_code == 415
    assert send(api, path, "a.pdf", b"no pdf").status_code == 422
    assert send(api, path, "a.docm", b"PK\x03\x04").status_code == 415
    assert send(api, path, "a.txt", b"x" * (10 * 1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "text", "title": "A", "text": " "}, "text"),
        ({"kind": "text", "text": "Words"}, "title"),
        ({"kind": "text", "title": "A", "text": "Words", "url": "https://a.example"}, "url"),
        ({"kind": "text", "title": "A", "text": "x" * 200_001}, "text"),
        ({"kind": "text", "title": "A", "text": "x", "language": "klingon"}, "language"),
        ({"kind": "page"}, "url"),
        ({"kind": "page", "url": "ftp://a.example/"}, "url"),
        ({"kind": "page", "url": "https://me:word@a.example/"}, "url"),
        ({"kind": "page", "url": "our help pages"}, "url"),
        ({"kind": "page", "url": "https://our help pages/"}, "url"),
        ({"kind": "page", "url": "help"}, "url"),
        ({"kind": "page", "url": "https://a.example/", "refetch_hours": 5}, "refetch_hours"),
        ({"kind": "page", "url": "https://a.example/", "text": "x"}, "text"),
        ({"kind": "file"}, "kind"),
        ({}, "kind"),
    ],
)
def test_what_can_not_be_added_is_refused_at_its_field(api: Program, body: dict[str, Any], field: str) -> None:
    answer = api.post(made(api), body)
    assert answer.status_code == 422, answer.content
    assert field in answer.data["errors"]


def test_a_page_is_added_once_and_fetched_again_when_asked(api: Program) -> None:
    path = made(api)
    page = api.made(path, {"kind": "page", "url": "help.example/a#top", "refetch_hours": 24})
    assert page["url"] == "https://help.example/a"
    assert api.post(path, {"kind": "page", "url": "https://help.example/a"}).status_code == 422
    with tenant(api.workspace.id):
        KnowledgeSource.objects.update(status="failed", due_at=None, reason="Away.")
    again = api.post(f"{path}/{page['id']}/refetch")
    assert (again.status_code, again.data["status"], again.data["reason"]) == (200, "waiting", "")
    changed = api.patch(f"{path}/{page['id']}", {"refetch_hours": None, "title": "Help"})
    assert (changed.data["title"], changed.data["refetch_hours"]) == ("Help", None)
    text = api.made(path, TEXT)
    assert api.post(f"{path}/{text['id']}/refetch").status_code == 409
    assert api.patch(f"{path}/{text['id']}", {"refetch_hours": 24}).status_code == 422


def test_the_first_source_turns_the_drafts_knowledge_on_and_what_was_turned_off_stays_off(api: Program) -> None:
    path = made(api)
    api.made(path, TEXT)
    assistant = path.removesuffix("/knowledge")
    script = api.get(assistant).data["scripted"]
    assert script["uses_knowledge"] is True
    api.patch(assistant, {"scripted": {**script, "uses_knowledge": False}})
    api.made(path, {**TEXT, "title": "More"})
    assert "uses_knowledge" not in api.get(assistant).data["scripted"]


def test_another_workspace_finds_nothing_of_it(api: Program, stranger: Program) -> None:
    path = made(api)
    source = api.made(path, TEXT)
    read(api, source)
    for answer in (
        stranger.get(path),
        stranger.get(f"{path}/{source['id']}"),
        stranger.get(f"{path}/{source['id']}/pages"),
        stranger.post(f"{path}/search", {"text": "return"}),
        stranger.post(f"{path}/{source['id']}/refetch"),
        stranger.call("DELETE", f"{path}/{source['id']}"),
        stranger.get(f"{path}/embeddings"),
    ):
        assert answer.status_code == 404
    own = made(stranger)
    assert stranger.post(f"{own}/search", {"text": "return sixty days"}).data == {"passages": []}
    assert stranger.get(f"{own}/{source['id']}").status_code == 404


def test_all_of_it_goes_with_its_assistant(api: Program) -> None:
    path = made(api)
    read(api, api.made(path, TEXT))
    with tenant(api.workspace.id):
        assert KnowledgeChunk.objects.count() == 1
    assert api.call("DELETE", path.removesuffix("/knowledge")).status_code == 204
    with tenant(api.workspace.id):
        assert not Assistant.objects.exists()
        assert not KnowledgeSource.objects.exists()
        assert not KnowledgePage.objects.exists()
        assert not KnowledgeChunk.objects.exists()


@pytest.mark.parametrize("text", ["", " ", "\x00", "x" * 8_001, "' OR 1=1 -- :* & | !", "🛶" * 500, "a" * 8_000])
def test_whatever_is_searched_for_is_answered(api: Program, text: str) -> None:
    path = made(api)
    read(api, api.made(path, TEXT))
    assert api.post(f"{path}/search", {"text": text}).status_code in {200, 422}
