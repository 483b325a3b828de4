"""The page of a deployment's files: how much room they take, and how its people make room again."""

from __future__ import annotations

from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments import file_clearing, wire
from deployments.deploying import NewDeployment
from deployments.models import Conversation, File, GoneFile, Message
from tests import factories
from tests.pages.conftest import Browser, Form, form_of, text
from workspaces.models import AuditEvent, Workspace


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


@pytest.fixture
def page(made: NewDeployment) -> str:
    return f"/app/deployments/{made.deployment.id}/files"


def form_at(member: Browser, page: str) -> Form:
    return form_of(member.get(page), "/delete")


def names(workspace: Workspace) -> set[str]:
    with tenant(workspace.id):
        return set(File.objects.values_list("name", flat=True))


def test_the_settings_lead_to_how_much_room_is_used(
    member: Browser, made: NewDeployment, page: str, settings: Any
) -> None:
    settings.LIMITS = {**settings.LIMITS, "workspace_file_bytes": 4096}
    factories.sent_file(factories.start_session(made), size=1024)
    assert page in member.get(page.replace("/files", "/settings")).content.decode()
    said = text(member.get(page))
    assert "1 file here" in said
    assert "25 % of the 4.0 KB" in said.replace("\xa0", " ")
    assert "No visitor's file was refused for lack of room." in said


def test_old_files_are_deleted_and_their_messages_say_so(
    member: Browser, workspace: Workspace, made: NewDeployment, page: str
) -> None:
    opened = factories.start_session(made)
    old = factories.sent_file(opened, days_ago=40, name="old.pdf")
    assert old.message_id is not None
    factories.sent_file(opened, days_ago=3, name="new.pdf")
    with tenant(workspace.id):
        rev = Conversation.objects.get(id=opened.session.conversation_id).rev
    form = form_at(member, page)
    form.values |= {"days": ["30"], "sure": ["on"]}
    assert "1 file was deleted" in text(member.send(form))
    assert names(workspace) == {"new.pdf"}
    assert GoneFile.objects.filter(key=old.key).exists()
    with tenant(workspace.id):
        [message] = Message.objects.filter(id=old.message_id)
        [shown] = wire.message_json(message)["attachments"]
        assert (shown["name"], shown["deleted"], shown["url"]) == ("old.pdf", True, "")
        # So that whoever has the chat open is told.
        assert message.rev > rev
        [event] = AuditEvent.objects.filter(action="deployment.files_deleted")
        assert event.data | {"older_than_days": 30, "files": 1, "bytes": 1000} == event.data
    talk = member.get(f"/app/conversations/{opened.session.conversation_id}/").content.decode()
    assert "deleted" in talk[talk.index("old.pdf") :][:200]
    assert talk.count("/files/") == 1  # the link of the other
    assert "No file that came with a message is as old as that." in text(member.send(form))


@pytest.mark.parametrize("days", ["", "0", "-1", "9999", "many", "3.5", "9" * 5000])
def test_a_number_of_days_that_is_none_is_refused_beside_its_field(
    member: Browser, workspace: Workspace, made: NewDeployment, page: str, days: str
) -> None:
    factories.sent_file(factories.start_session(made), days_ago=40)
    form = form_at(member, page)
    form.values |= {"days": [days], "sure": ["on"]}
    refused = member.send(form)
    assert refused.status_code == 422
    assert "A whole number of days from 1 to 3,650." in text(refused)
    assert names(workspace)


def test_nothing_is_deleted_that_was_not_meant(
    member: Browser, workspace: Workspace, made: NewDeployment, page: str
) -> None:
    factories.sent_file(factories.start_session(made), days_ago=400)
    refused = member.send(form_at(member, page))
    assert "Tick this if you want them deleted." in text(refused)
    assert names(workspace)


def test_another_deployments_files_stay(member: Browser, workspace: Workspace, made: NewDeployment, page: str) -> None:
    factories.sent_file(factories.start_session(factories.make_deployment(workspace)), days_ago=40)
    form = form_at(member, page)
    form.values |= {"days": ["1"], "sure": ["on"]}
    member.send(form)
    assert names(workspace)


def test_so_many_at_once_and_the_others_the_next_time(
    member: Browser, workspace: Workspace, made: NewDeployment, page: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(file_clearing, "MOST_AT_ONCE", 2)
    opened = factories.start_session(made)
    for days in (40, 41, 42):
        factories.sent_file(opened, days_ago=days, name=f"{days}.pdf")
    form = form_at(member, page)
    form.values |= {"days": ["30"], "sure": ["on"]}
    assert "1 more are as old: press the button again for them." in text(member.send(form))
    assert names(workspace) == {"40.pdf"}


def test_files_of_channels_have_a_page_that_makes_room(
    member: Browser, workspace: Workspace, made: NewDeployment
) -> None:
    opened = factories.start_session(made)
    factories.sent_file(opened, days_ago=40, size=2048, name="photo.jpg")
    with tenant(workspace.id):
        # As those over SMS, WhatsApp and bridges are: of no deployment.
        Conversation.objects.filter(id=opened.session.conversation_id).update(deployment=None)
    factories.sent_file(factories.start_session(made), days_ago=40, name="web.pdf")
    page = "/app/channels/files"
    assert f'href="{page}"' in member.get("/app/channels/").content.decode()
    assert "1 file here, 2.0 KB" in text(member.get(page)).replace("\xa0", " ")
    form = form_at(member, page)
    form.values |= {"days": ["30"]}
    assert "Tick this if you want them deleted." in text(member.send(form))
    form.values |= {"sure": ["on"]}
    assert "1 file was deleted" in text(member.send(form))
    assert names(workspace) == {"web.pdf"}
    with tenant(workspace.id):
        [event] = AuditEvent.objects.filter(action="workspace.channel_files_deleted")
        assert event.data == {"older_than_days": 30, "files": 1, "bytes": 2048}
        assert event.target_id == str(workspace.id)
