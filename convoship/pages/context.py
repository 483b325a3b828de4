"""The chrome around every page: what stands in the sidebar, and where in it one is.

Everything is worked out when a template asks for it, so that an error page never touches the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from convoship.pages.mailbox import is_open_to
from deployments.pages.queries import waiting_count
from workspaces.access import WorkspaceRequest
from workspaces.members import workspaces_of


@dataclass(frozen=True)
class Item:
    """One place in the sidebar."""

    label: str
    icon: str
    href: str
    is_current: bool
    count: int = 0


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
            waiting = waiting_count() if inside.actor.may("conversations.read") else 0
        elif self._workspaces:
            waiting = 0  # one's own account: no workspace is entered there
        else:
            return []
        return [
            Group("", [self._item("Overview", "house", "dashboard")]),
            Group("Build", [self._item("Assistants", "bot-message-square", "assistants", within="/app/deployments/")]),
            Group(
                "Operate",
                [
                    self._item("Channels", "cable", "channels"),
                    self._item("Conversations", "messages-square", "conversations", waiting),
                ],
            ),
            Group("Workspace", [self._item("Settings", "settings", "workspace")]),
        ]

    def _item(self, label: str, icon: str, name: str, count: int = 0, *, within: str = "") -> Item:
        """`within`: further pages, by the beginning of their addresses, that are reached by way of this place."""
        href = reverse(name)
        path = self.request.path
        begins = tuple(start for start in (href, within) if start not in {"", "/"})
        return Item(label, icon, href, path == href or path.startswith(begins), count)

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
