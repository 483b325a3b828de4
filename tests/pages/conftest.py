"""A signed-in browser for page tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests import factories
from workspaces.models import User, Workspace


@dataclass
class Browser:
    """A member's browser in a workspace, without JavaScript: it follows redirects and keeps cookies."""

    client: Client
    user: User
    workspace: Workspace

    def get(self, path: str, **extra: Any) -> HttpResponse:
        return self.client.get(path, follow=True, **extra)

    def post(self, path: str, data: Any = None, **extra: Any) -> HttpResponse:
        return self.client.post(path, data or {}, follow=True, **extra)


@pytest.fixture
def workspace(db: None) -> Workspace:
    """A workspace."""
    return factories.make_workspace()


@pytest.fixture
def browser(workspace: Workspace) -> Browser:
    """The owner's browser."""
    return browser_of(workspace, factories.owner_of(workspace))


def browser_of(workspace: Workspace, user: User) -> Browser:
    """This user's browser, signed in."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["workspace_id"] = str(workspace.id)
    session.save()
    return Browser(client, user, workspace)


def text(response: HttpResponse) -> str:
    """The page's source."""
    return response.content.decode()
