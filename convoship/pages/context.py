"""The chrome around every page: what stands in the sidebar, and where in it one is.

Everything is worked out when a template asks for it, so that an error page never touches the database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from channels_app.pages.queries import dead_count
from convoship.lib.tenancy import tenant
from convoship.pages.mailbox import is_open_to
from deployments.pages import outages
from deployments.pages.queries import waiting_count
from workspaces.access import WorkspaceRequest, chosen_workspace
from workspaces.members import workspaces_of
from workspaces.models import Membership, User
from workspaces.permissions import of_role


@dataclass(frozen=True)
class Item:
    """One place in the sidebar."""

    label: str
    icon: str
    href: str
    is_current: bool
    count: int = 0
    # What there are so many of.
    counted: str = "waiting"


@dataclass(frozen=True)
class Group:
    """A titled group of places."""

    title: str
    items: list[Item]


class Chrome:
    """What `app.html` draws around a page."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def nav(self) -> list[Group]:
        """The sidebar. A place is in it once it is built; who has no workspace yet has none."""
        if hasattr(self.request, "workspace"):
            inside = cast(WorkspaceRequest, self.request)
            waiting = self.waiting
            permissions = inside.actor.permissions
            dead = dead_count() if "connections.read" in permissions else 0
            down = outages.count() if "assistants.read" in permissions else 0
        elif self._workspaces:
            waiting = dead = down = 0  # one's own account: no workspace is entered there
            permissions = self._permissions_elsewhere()
        else:
            return []
        return self._with_current(
            [
                Group("", [self._item("Overview", "house", "dashboard")]),
                Group("Build", [self._item("Assistants", "bot-message-square", "assistants", down, "not answering")]),
                Group(
                    "Operate",
                    [
                        self._item("Channels", "cable", "channels", dead, "not delivered"),
                        self._item("Conversations", "messages-square", "conversations", waiting),
                        self._item("People", "contact-round", "people"),
                    ],
                ),
                Group(
                    "Workspace",
                    [
                        *([self._item("Secrets", "vault", "secrets")] if "secrets.read" in permissions else []),
                        self._item("Usage", "gauge", "usage"),
                        self._item("Settings", "settings", "workspace"),
                    ],
                ),
            ]
        )

    @cached_property
    def waiting(self) -> int:
        """How many conversations of the workspace wait for a person, as far as one may see them."""
        actor = getattr(self.request, "actor", None)
        return waiting_count() if actor is not None and actor.may("conversations.read") else 0

    def _item(self, label: str, icon: str, name: str, count: int = 0, counted: str = "waiting") -> Item:
        return Item(label, icon, reverse(name), is_current=False, count=count, counted=counted)

    def _with_current(self, groups: list[Group]) -> list[Group]:
        """Mark the place that one is in: the longest address that the page's begins with (Settings holds others)."""
        path = self.request.path
        if path.startswith("/app/deployments/"):
            path = reverse("assistants")  # a deployment is reached by way of its assistant
        hrefs = [item.href for group in groups for item in group.items]
        here = max(
            (href for href in hrefs if path == href or (href != "/" and path.startswith(href))), key=len, default=""
        )
        return [
            Group(group.title, [replace(item, is_current=item.href == here) for item in group.items])
            for group in groups
        ]

    def _permissions_elsewhere(self) -> frozenset[str]:
        """What the user may do in their workspace, on a page that is outside of it."""
        user = cast(User, self.request.user)
        workspace_id = chosen_workspace(self.request, user)
        if workspace_id is None:
            return frozenset()
        with tenant(workspace_id):
            return of_role(Membership.objects.get(user=user).role)

    @property
    def may_be_on_duty(self) -> bool:
        """Whether one may answer visitors in the workspace that the page is of."""
        actor = getattr(self.request, "actor", None)
        return actor is not None and actor.may("conversations.write")

    @cached_property
    def has_other_workspaces(self) -> bool:
        """Whether there is another workspace to switch to."""
        return len(self._workspaces) > 1

    @cached_property
    def _workspaces(self) -> list[UUID]:
        return workspaces_of(self.request.user) if self.request.user.is_authenticated else []

    @cached_property
    def stranger_site(self) -> str:
        """The origin of the site on this machine that runs any snippet, if `make run` serves one."""
        return str(settings.STRANGER_SITE_URL).rstrip("/")

    @cached_property
    def mailbox(self) -> bool:
        """Whether this browser may see the local mailbox."""
        return is_open_to(self.request)


def chrome(request: HttpRequest) -> dict[str, Chrome]:
    """Context processor: `chrome`."""
    return {"chrome": Chrome(request)}
