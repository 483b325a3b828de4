"""Files of members and programs over the API: sent up, sent with a message, read by the visitor, refused in words."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from convoship.bodies import most_bytes
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import file_links, files, visits
from deployments.models import Conversation, Deployment, File, GoneFile
from deployments.sessions import OpenedSession
from deployments.wire import message_json
from tests import factories
from tests.api.conftest import Program, program
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Contents are kept in a folder of the test's own."""
    options = {**settings.STORAGES["files"]["OPTIONS"], "location": str(tmp_path)}
    settings.STORAGES = {**settings.STORAGES, "files": {**settings.STORAGES["files"], "OPTIONS": options}}
    return tmp_path


@pytest.fixture
def opened(api: Program) -> OpenedSession:
    """A visitor's session in the program's workspace; its deployment takes no files of visitors."""
    return factories.start_session(factories.make_deployment(api.workspace))


@pytest.fixture
def path(opened: OpenedSession) -> str:
    """Its conversation."""
    return f"/conversations/{opened.session.conversation_id}"


def photo(**options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(out, "JPEG", **options)
    return out.getvalue()


def send_up(api: Program, path: str, name: str, content: bytes, field: str = "file", **headers: str) -> Any:
    form = encode_multipart(BOUNDARY, {field: SimpleUploadedFile(name, content)})
    sent = {"Authorization": f"Bearer {api.token}"} if api.token else {}
    url = f"/v1{path}/files"
    answer: Any = api.client.generic("POST", url, form, content_type=MULTIPART_CONTENT, headers=sent | headers)
    answer.data = json.loads(answer.content)
    return answer


def added(api: Program, path: str, name: str = "plan.pdf", content: bytes = PDF) -> str:
    answer = send_up(api, path, name, content)
    assert answer.status_code == 201, answer.data
    return str(answer.data["file"]["id"])


def seen_by_visitor(opened: OpenedSession) -> list[dict[str, Any]]:
    page = visits.read(visits.resolve(opened.token, opened.session.id), factories.caller())
    return [message_json(message) for message in page.messages]


def test_a_file_goes_out_with_its_message_and_the_visitor_reads_it(
    api: Program, opened: OpenedSession, path: str, folder: Path
) -> None:
    up = send_up(api, path, "a/plan.pdf", PDF)
    assert up.status_code == 201, up.data
    file = up.data["file"]
    assert file == {"id": file["id"], "name": "plan.pdf", "size": len(PDF), "content_type": "application/pdf"}
    assert all(not message["attachments"] for message in seen_by_visitor(opened))
    said = api.made(f"{path}/messages", {"attachments": [file["id"]], "client_id": "one"})
    assert (said["text"], said["author"]["kind"]) == ("", "agent")
    last = seen_by_visitor(opened)[-1]
    assert last["attachments"][0] | {"url": ""} == file | {"url": ""}
    _, content = files.opened(*file_links.read(last["attachments"][0]["url"].rpartition("/")[2]))
    with content:
        assert content.read() == PDF
    again = api.post(f"{path}/messages", {"attachments": [file["id"]], "client_id": "one"})
    assert (again.status_code, again.data["id"]) == (200, said["id"])
    with tenant(api.workspace.id):
        row = File.objects.get()
        assert (row.author_kind, row.author_user, row.author_name) == ("agent", None, said["author"]["name"])
        assert Conversation.objects.get().last_text == "File"
        assert AuditEvent.objects.filter(action="conversation.file_added").count() == 1
    exported = api.client.get(f"/v1{path}/export?format=txt", headers={"Authorization": f"Bearer {api.token}"})
    assert "[File: plan.pdf," in exported.content.decode()


def test_a_photo_is_drawn_anew_and_a_name_is_cleaned(api: Program, opened: OpenedSession, path: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    name = '../<img src=x onerror="alert(1)">\u202egnp.jpg'
    up = send_up(api, path, name, photo(exif=exif))
    assert up.status_code == 201, up.data
    assert not set(up.data["file"]["name"]) & set('<>"/\u202e')
    with tenant(api.workspace.id), files.storage().open(File.objects.get().key) as kept:
        assert b"secret" not in kept.read()


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("a.zip", b"PK\x05\x06" + b"\0" * 18, 415, "unsupported_media_type"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_media_type"),
        ("a.pdf", photo(), 422, "invalid"),
        ("a.txt", b"", 422, "invalid"),
        ("a.mp3", b"MZ\x90\x00" + b"\0" * 200, 415, "unsupported_media_type"),
        ("a.txt", b"a" * (10 * 1024 * 1024 + 1), 413, "payload_too_large"),
    ],
    ids=["archive", "SVG", "another name", "nothing", "program", "too large"],
)
def test_what_is_not_taken_from_a_visitor_is_not_taken_from_a_member(
    api: Program, path: str, folder: Path, name: str, content: bytes, status: int, code: str
) -> None:
    answer = send_up(api, path, name, content)
    assert (answer.status_code, answer.data["code"]) == (status, code), answer.data
    assert answer.data["hint"]
    assert list(folder.rglob("*.*")) == []
    with tenant(api.workspace.id):
        assert not File.objects.exists()


def test_a_message_has_words_or_files(api: Program, path: str) -> None:
    for body in ({}, {"text": " "}, {"text": "", "attachments": []}):
        answer = api.post(f"{path}/messages", body)
        assert (answer.status_code, list(answer.data["errors"])) == (422, ["text"])
    for wrong in (["x"], [str(uuid4())], "x", [str(uuid4())] * 2, [1], [str(uuid4()) for _ in range(11)]):
        answer = api.post(f"{path}/messages", {"text": "look", "attachments": wrong})
        assert (answer.status_code, answer.data["code"]) == (422, "invalid"), wrong
        assert "attachments" in next(iter(answer.data["errors"]))
    assert len(api.get(f"{path}/messages").data["results"]) == 1


def test_nobody_sends_a_file_of_somebody_else(api: Program, opened: OpenedSession, path: str) -> None:
    mine = added(api, path)
    visit = visits.resolve(opened.token, opened.session.id)
    with tenant(api.workspace.id):
        Deployment.objects.update(files={"on": True})
        theirs = File.objects.get()
        theirs.pk, theirs.key, theirs.author_kind = uuid4(), "ab/cd", "visitor"
        theirs.save(force_insert=True)
    answer = api.post(f"{path}/messages", {"text": "look", "attachments": [str(theirs.id)]})
    assert (answer.status_code, list(answer.data["errors"])) == (422, ["attachments[0]"])
    with pytest.raises(Problem) as refusal:
        visits.post(visit, factories.caller(), visits.VisitorMessage("a", "look", attachments=(UUID(mine),)))
    assert refusal.value.code == "invalid"
    other = factories.start_session(factories.make_deployment(api.workspace))
    elsewhere = api.post(f"/conversations/{other.session.conversation_id}/messages", {"attachments": [mine]})
    assert elsewhere.status_code == 422
    api.made(f"{path}/messages", {"attachments": [mine]})
    assert api.post(f"{path}/messages", {"attachments": [mine]}).status_code == 422


def test_who_may_not_write_sends_no_file(api: Program, path: str, stranger: Program) -> None:
    reader = program(("conversations:read",), api.workspace)
    assert send_up(reader, path, "a.pdf", PDF).status_code == 403
    assert send_up(stranger, path, "a.pdf", PDF).status_code == 404
    assert send_up(Program(api.workspace, None), path, "a.pdf", PDF).status_code == 401


def test_a_signed_in_member_needs_the_csrf_token_and_is_known(api: Program, path: str) -> None:
    owner = factories.owner_of(api.workspace)
    member = Program(api.workspace, None, Client(enforce_csrf_checks=True))
    member.client.force_login(owner)
    refused = send_up(member, path, "a.pdf", PDF)
    assert (refused.status_code, refused.data["code"]) == (403, "csrf_failed")
    member.client.get("/app/conversations/")
    token = member.client.cookies["csrftoken"].value if "csrftoken" in member.client.cookies else "a" * 32
    member.client.cookies["csrftoken"] = token
    up = send_up(member, path, "a.pdf", PDF, **{"X-CSRFToken": token})
    assert up.status_code == 201, up.data
    with tenant(api.workspace.id):
        assert File.objects.get().author_user == owner


def test_an_ended_conversation_takes_no_file(api: Program, path: str) -> None:
    api.post(f"{path}/resolve")
    answer = send_up(api, path, "a.pdf", PDF)
    assert (answer.status_code, answer.data["code"]) == (409, "conversation_ended")


def test_where_files_do_not_go_out_none_is_taken(api: Program, path: str) -> None:
    with tenant(api.workspace.id):
        Conversation.objects.update(channel="sms")
    answer = send_up(api, path, "a.pdf", PDF)
    assert (answer.status_code, answer.data["code"]) == (403, "channel_not_allowed")
    assert api.post(f"{path}/messages", {"text": "look", "attachments": [str(uuid4())]}).status_code == 422


@pytest.mark.parametrize(
    ("limit", "value", "code"),
    [("member_files", "1/60", "rate_limited"), ("workspace_file_bytes", 80, "quota_exceeded")],
)
def test_there_is_an_end_to_it(api: Program, path: str, settings: Any, limit: str, value: Any, code: str) -> None:
    settings.LIMITS = {**settings.LIMITS, limit: value}
    added(api, path)
    answer = send_up(api, path, "b.pdf", PDF)
    assert (answer.status_code, answer.data["code"]) == (429, code)
    assert answer["Retry-After"]


def test_what_no_message_took_is_deleted(api: Program, path: str, folder: Path) -> None:
    added(api, path)
    with tenant(api.workspace.id):
        File.objects.update(created_at="2026-01-01T00:00:00Z")
    assert [at for at in folder.rglob("*") if at.is_file()]
    files.sweep()
    assert not [at for at in folder.rglob("*") if at.is_file()]
    assert not GoneFile.objects.exists()


def test_the_server_lets_through_what_a_file_needs() -> None:
    most = most_bytes("/v1/public/runtime/sessions/x/files")
    for path in (f"/v1/conversations/{uuid4()}/files", f"/app/conversations/{uuid4()}/reply"):
        assert most_bytes(path) == most > 10 * 1024 * 1024
    assert most_bytes(f"/v1/conversations/{uuid4()}/messages") < most
    assert most_bytes(f"/app/conversations/{uuid4()}/reply/x") < most
