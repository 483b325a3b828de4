"""What tests start from: people, workspaces, assistants, deployments, keys, sessions, made through the product's acts.

Call these outside `tenant()`, or inside that of the workspace they are given.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import attachments, conversations, deploying, publishing, sessions, tallies
from deployments.admission import Caller
from deployments.conversations import NewMessage
from deployments.deploying import NewDeployment
from deployments.models import Assistant, AssistantVersion, File, RefusedOrigin
from deployments.models.conversation import AuthorKind
from deployments.sessions import OpenedSession, SessionRequest
from workspaces import api_keys, members
from workspaces.api_keys import NewApiKey
from workspaces.models import Membership, User, Workspace
from workspaces.permissions import SCOPES, Role

SHOP = "https://shop.example"


def make_user(email: str | None = None, password: str | None = None, **fields: Any) -> User:
    """A user; without a password only `client.force_login` signs them in."""
    return User.objects.create_user(email or f"{uuid4().hex[:12]}@example.com", password, **fields)


def make_staff(email: str | None = None, password: str | None = None, **fields: Any) -> User:
    """A user with every right in Django admin, as `createsuperuser` makes one."""
    return User.objects.create_superuser(email or f"staff-{uuid4().hex[:8]}@example.com", password, **fields)


def make_workspace(owner: User | None = None, name: str = "Acme") -> Workspace:
    """A workspace; its owner is found again with `owner_of`."""
    return members.create_workspace(owner or make_user(), name)


def owner_of(workspace: Workspace) -> User:
    """The (first) owner of the workspace."""
    with tenant(workspace.id):
        first = Membership.objects.select_related("user").filter(role=Role.OWNER).order_by("created_at").first()
    assert first is not None
    return first.user


def member(workspace: Workspace, role: str, user: User | None = None) -> User:
    """A user with this role in the workspace: a new one, or the one given."""
    user = user or make_user()
    with tenant(workspace.id):
        Membership.objects.create(user=user, role=role)
    return user


def actor(workspace: Workspace, role: str = Role.OWNER) -> Actor:
    """The workspace's owner acting with this role's rights."""
    return members.actor_of(owner_of(workspace), role)


def make_assistant(
    workspace: Workspace, published: bool = True, template: str | None = "faq", name: str = "Ada"
) -> Assistant:
    """An assistant made from the template; `published` is loaded where it is there."""
    who = actor(workspace)
    with tenant(workspace.id):
        assistant = publishing.create_assistant(who, name=name, template=template)
        if published:
            publishing.publish(who, assistant.id)
        return Assistant.objects.select_related("published").get(id=assistant.id)


def make_deployment(
    workspace: Workspace,
    assistant: Assistant | None = None,
    origins: Sequence[str] = (SHOP,),
    name: str = "Shop",
    **fields: Any,
) -> NewDeployment:
    """A deployment of the assistant (a new, published one unless given), with its `token`."""
    assistant = assistant or make_assistant(workspace)
    who = actor(workspace)
    with tenant(workspace.id):
        return deploying.create(who, assistant, name=name, allowed_origins=list(origins), **fields)


def make_api_key(
    workspace: Workspace, scopes: Sequence[str] = tuple(SCOPES), name: str = "Tests", **fields: Any
) -> NewApiKey:
    """A key with these scopes (all of them unless given), with its `token`."""
    who = actor(workspace)
    with tenant(workspace.id):
        return api_keys.create(who, name=name, scopes=scopes, **fields)


def caller(origin: str | None = SHOP, ip: str | None = None) -> Caller:
    """A visitor's browser; each call comes from an address of its own, so that no limit is met by accident."""
    return Caller(origin, ip or f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}")


def refuse(new: NewDeployment, origin: str | None = "https://stranger.example", page: str = "") -> RefusedOrigin:
    """A page (or None: a program) that is not let in: its row in the list of refused origins."""
    who = Caller(origin, "10.0.0.1", page=page)
    with contextlib.suppress(Problem):
        sessions.start(new.token, who, SessionRequest(agent_id=new.deployment.assistant_id))
    tallies.flush()
    with tenant(new.deployment.workspace_id):
        return RefusedOrigin.objects.filter(deployment=new.deployment).latest("last_seen_at")


def start_session(
    new: NewDeployment, origin: str | None = None, ip: str | None = None, **request: Any
) -> OpenedSession:
    """A visitor's session of the deployment, from the first of its allowed origins unless another is given."""
    deployment = new.deployment
    who = caller(origin or deployment.allowed_origins[0], ip)
    return sessions.start(new.token, who, SessionRequest(agent_id=deployment.assistant_id, **request))


def sent_file(opened: OpenedSession, days_ago: int = 0, size: int = 1000, name: str = "plan.pdf") -> File:
    """A file that a visitor sent with a message so many days ago; nothing of it is in the storage."""
    with tenant(opened.session.workspace_id):
        conversation = conversations.lock(opened.session.conversation_id)
        file = File(conversation=conversation, key=f"{uuid4()}", name=name, content_type="application/pdf", size=size)
        shown = [attachments.file_json(file)]
        new = NewMessage(author_kind=AuthorKind.VISITOR, text="", attachments=shown)
        file.message = conversations.post_message(conversation, new)
        file.stored_at = timezone.now()
        file.save()
        File.objects.filter(id=file.id).update(created_at=timezone.now() - timedelta(days=days_ago))
        return file


def replace_version(version: AssistantVersion, content: dict[str, Any]) -> None:
    """Another version in the place of this one, as an earlier release may have published it. Inside `tenant()`."""
    number, assistant = version.number, version.assistant
    version.delete()
    AssistantVersion.objects.create(assistant=assistant, number=number, content=content)
