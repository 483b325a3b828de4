"""Files in a conversation's composer, without JavaScript: sent with the answer, kept where it could not go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from convoship.lib.tenancy import tenant
from deployments.deploying import NewDeployment
from deployments.models import Conversation, File, Message
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, forms_of, text, words
from workspaces.models import Workspace

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Contents are kept in a folder of the test's own."""
    options = {**settings.STORAGES["files"]["OPTIONS"], "location": str(tmp_path)}
    settings.STORAGES = {**settings.STORAGES, "files": {**settings.STORAGES["files"], "OPTIONS": options}}
    return tmp_path


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    """A deployment, which takes no files of visitors."""
    return factories.make_deployment(workspace)


@pytest.fixture
def path(made: NewDeployment) -> str:
    """The page of a conversation."""
    return f"/app/conversations/{factories.start_session(made).session.conversation_id}/"


def pdf(name: str = "plan.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def send(member: Browser, form: Form, *files: SimpleUploadedFile, to: str = "") -> Any:
    """Send the composer with these files chosen in its field."""
    return member.client.post(to or form.action, {**form.values, "files": list(files)}, follow=True)


def answers(workspace: Workspace) -> list[tuple[str, list[str]]]:
    with tenant(workspace.id):
        found = Message.objects.filter(author_kind="agent").order_by("seq")
        return [(message.text, [item["name"] for item in message.attachments]) for message in found]


def test_files_go_with_the_answer_or_alone(member: Browser, workspace: Workspace, path: str) -> None:
    form = form_of(member.get(path), "/reply")
    form["text"] = "Here they are"
    sent = send(member, form, pdf(), pdf("<img src=x onerror=alert(1)>.pdf"))
    assert "plan.pdf" in words(sent)
    assert "<img src=x" not in text(sent)
    send(member, form_of(member.get(path), "/reply"), pdf("alone.pdf"))
    assert answers(workspace) == [
        ("Here they are", ["plan.pdf", "_img src=x onerror=alert(1)_.pdf"]),
        ("", ["alone.pdf"]),
    ]
    with tenant(workspace.id):
        assert {row.author_user for row in File.objects.select_related("author_user")} == {member.user}


HOSTILE = (
    "' onmouseover='alert(1).pdf",
    '" autofocus onfocus="alert(1).pdf',
    "javascript:alert(1).pdf",
    "</script><script>alert(1)</script>.pdf",
    "{{ 7*7 }}{% debug %}.pdf",
    "&lt;img src=x&gt;.pdf",
    "../../etc/passwd.pdf",
    "gnp\u202efdp.pdf",
)


def test_a_hostile_name_is_nothing_but_a_name(member: Browser, workspace: Workspace, path: str) -> None:
    refused = send(member, form_of(member.get(path), "/reply"), *map(pdf, HOSTILE), pdf("<q>.zip", b"PK\x05\x06"))
    sent = member.send(form_of(refused, "/reply"))
    assert refused.status_code == 422
    assert len(answers(workspace)[0][1]) == len(HOSTILE)
    for page in (text(refused), text(sent)):
        assert "passwd.pdf" in page
        assert "_img src=x_.pdf" in page
        assert "{{ 7_7 }}" in page
        for bad in ("<q>", "<script>alert", "javascript:", "\u202e", "../", "' onmouse", '" autofocus onfocus'):
            assert bad not in page


def test_what_is_wrong_with_one_is_said_and_the_others_are_kept(
    member: Browser, workspace: Workspace, path: str
) -> None:
    form = form_of(member.get(path), "/reply")
    form["text"] = "Here they are"
    refused = send(member, form, pdf(), pdf("a.zip", b"PK\x05\x06" + b"\0" * 18), pdf("empty.txt", b""))
    assert refused.status_code == 422
    assert "a.zip: Files of this kind are not taken here. Send images" in words(refused)
    assert "empty.txt: The file is empty." in words(refused)
    again = form_of(refused, "/reply")
    assert (again["text"], len(again.values["attachments"])) == ("Here they are", 1)
    assert answers(workspace) == []
    member.send(again)
    assert answers(workspace) == [("Here they are", ["plan.pdf"])]


def test_a_canned_reply_is_inserted_and_the_files_stay(member: Browser, workspace: Workspace, path: str) -> None:
    form = form_of(member.get(path), "/reply")
    shown = send(member, form, pdf(), to=form.action.replace("/reply", "/insert"))
    assert len(form_of(shown, "/reply").values["attachments"]) == 1


def test_a_note_takes_none_and_says_so(member: Browser, workspace: Workspace, path: str) -> None:
    form = form_of(member.get(path), "/reply")
    form["kind"], form["text"] = "note", "Look at this"
    refused = send(member, form, pdf())
    assert "A note takes no files." in words(refused)
    assert answers(workspace) == []


def test_ids_of_others_are_refused_and_nothing_is_lost(member: Browser, workspace: Workspace, path: str) -> None:
    form = form_of(member.get(path), "/reply")
    form["text"] = "Here"
    form.values["attachments"] = ["x\0", "00000000-0000-0000-0000-000000000000"]
    refused = member.send(form)
    assert refused.status_code == 422
    assert "no such file that waits" in words(refused)
    assert form_of(refused, "/reply")["text"] == "Here"


def test_where_files_do_not_go_out_none_is_offered(member: Browser, workspace: Workspace, path: str) -> None:
    assert "files" in form_of(member.get(path), "/reply").values
    with tenant(workspace.id):
        Conversation.objects.update(channel="sms")
    form = form_of(member.get(path), "/reply")
    assert "files" not in form.values
    refused = send(member, form, pdf())
    assert "No file can be sent in this conversation." in words(refused)
    assert answers(workspace) == []


def test_who_may_only_read_is_offered_none_and_sends_none(workspace: Workspace, member: Browser, path: str) -> None:
    form = form_of(member.get(path), "/reply")
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = viewer.get(path)
    assert "data-files" not in text(page)
    form["csrfmiddlewaretoken"] = next(
        it["csrfmiddlewaretoken"] for it in forms_of(page) if "csrfmiddlewaretoken" in it.values
    )
    assert send(viewer, form, pdf()).status_code == 403
    with tenant(workspace.id):
        assert not File.objects.exists()
