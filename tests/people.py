"""What tests of people start from: some of them, known in one way or another, made through the product's doors."""

from __future__ import annotations

from typing import Any

from convoship.lib.tenancy import tenant
from deployments import conversations, people, turns
from deployments.conversations import NewMessage
from deployments.deploying import NewDeployment
from deployments.identity import Verified
from deployments.models import Conversation, Person
from deployments.models.conversation import AuthorKind, MessageStatus
from deployments.models.person import IdentityKind
from deployments.sessions import OpenedSession
from tests import factories
from workspaces.models import Workspace


def met(new: NewDeployment, text: str = "hello", **request: Any) -> tuple[Person, OpenedSession]:
    """Who opened a session on the web and wrote this."""
    opened = factories.start_session(new, **request)
    with tenant(new.deployment.workspace_id):
        conversation = conversations.lock(opened.session.conversation_id)
        said = NewMessage(author_kind=AuthorKind.VISITOR, text=text, status=MessageStatus.RECEIVED)
        turns.take_message(conversation, said, queue=False)
        return Person.objects.get(id=conversation.person_id), opened


def proved(workspace: Workspace, external_id: str, name: str = "") -> Person:
    """Somebody whom the customer's server has proved."""
    with tenant(workspace.id):
        return people.person_of("", {}, Verified(external_id, name=name, email=""))


def at_number(workspace: Workspace, number: str, name: str = "") -> Person:
    """Who wrote from this number."""
    with tenant(workspace.id):
        return people.person_at([(IdentityKind.PHONE, number)], {"name": name})


def of(conversation_id: Any, workspace: Workspace) -> Conversation:
    """A conversation as it is now, with its person."""
    with tenant(workspace.id):
        return Conversation.objects.select_related("person").get(id=conversation_id)
