"""A file that could not be fetched, on its conversation's page: why, and the button that fetches it again."""

from __future__ import annotations

import asyncio

import pytest

from channels_app.models import InboundMedia
from convoship.lib.tenancy import tenant
from deployments.models import Conversation, Message
from tests import factories
from tests.channels import files_in_messages
from tests.channels.conftest import Bridge
from tests.pages.conftest import Browser, browser_of, form_of, text, words
from workspaces.models import AuditEvent
from workspaces.permissions import Role

AGAIN = "/again"


@pytest.fixture
def page(bridge: Bridge) -> str:
    """A conversation with such a file."""
    asyncio.run(bridge.say("hello"))
    asyncio.run(bridge.drain())
    with tenant(bridge.workspace.id):
        conversation = Conversation.objects.get()
        files_in_messages.failed(bridge.connection, conversation.id)
    return f"/app/conversations/{conversation.id}/"


@pytest.fixture
def owner(bridge: Bridge) -> Browser:
    return browser_of(bridge.workspace, factories.owner_of(bridge.workspace))


def test_the_button_fetches_it_again(owner: Browser, bridge: Bridge, page: str) -> None:
    shown = owner.get(page)
    assert "Photo Not fetched It has no such file (404)." in words(shown)
    answer = owner.send(form_of(shown, AGAIN))
    assert "The file is being fetched." in words(answer)
    assert "Photo, being fetched" in words(answer)
    assert AGAIN not in text(answer)
    with tenant(bridge.workspace.id):
        assert InboundMedia.objects.get().state == "waiting"
        assert AuditEvent.objects.filter(action="conversation.file_fetched_again").count() == 1


def test_who_may_only_read_is_given_no_button(bridge: Bridge, page: str) -> None:
    reader = browser_of(bridge.workspace, factories.member(bridge.workspace, Role.VIEWER))
    shown = reader.get(page)
    assert "It has no such file (404)." in words(shown)
    assert AGAIN not in text(shown)


def test_names_and_reasons_are_words(owner: Browser, bridge: Bridge, page: str) -> None:
    evil = "<img src=x onerror=alert(1)>"
    with tenant(bridge.workspace.id):
        message = Message.objects.exclude(attachments=[]).get()
        message.attachments = [{**message.attachments[0], "name": evil, "reason": evil}]
        message.save(update_fields=["attachments"])
    shown = text(owner.get(page))
    assert evil not in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown


def test_an_export_says_that_it_is_not_here(owner: Browser, page: str) -> None:
    assert "[File: Photo, not here: It has no such file (404).]" in text(owner.get(f"{page}export.txt"))
