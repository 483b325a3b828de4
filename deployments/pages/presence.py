"""Who has a conversation's page open, and who is writing in it. Nothing of it is stored.

Each open page says so every few seconds (`viewing`), and its socket tells the other members who look. A page that is
new is answered by all others at once; one that closes says so; one that only falls silent is forgotten by the pages
that heard of it. So it ends by itself whatever is lost on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from deployments import live
from workspaces.models import User


def initials(name: str) -> str:
    """One or two letters that stand for a face."""
    words = [word for word in name.split() if word[0].isalnum()] or [name]
    return "".join(word[0] for word in (words[0], *words[1:][-1:]))[:2].upper()


class Presence:
    """What one open page says of its member, and hears of others."""

    def __init__(self, user: User, workspace_id: UUID) -> None:
        self.user, self.workspace_id = user, workspace_id
        self.viewing: set[UUID] = set()

    def look(self, conversation_id: UUID) -> None:
        """The member looks at the conversation's page, or still does."""
        is_new = conversation_id not in self.viewing
        self.viewing.add(conversation_id)
        self._tell(conversation_id, "viewing", is_new=is_new)

    def write(self, conversation_id: UUID, *, on: bool, is_note: bool) -> None:
        """The member writes an answer or a note there, or has stopped."""
        doing = "note" if is_note else "reply"
        # Not "viewing", which each page says every few seconds, in the middle of writing too.
        self._tell(conversation_id, doing if on else "quiet")

    def leave(self) -> None:
        """The page is closed."""
        for conversation_id in self.viewing:
            self._tell(conversation_id, "gone")
        self.viewing.clear()

    def hear(self, event: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the page shall know of another's `viewing`; None for what is its own member's."""
        conversation_id = UUID(event["conversation_id"])
        is_mine = event["user"]["id"] == str(self.user.id)
        # Another page of the same member that closes takes this one along in the eyes of others.
        if conversation_id in self.viewing and (event["doing"] == "gone" if is_mine else event["is_new"]):
            self._tell(conversation_id, "viewing")
        return None if is_mine else {name: value for name, value in event.items() if name != "is_new"}

    def _tell(self, conversation_id: UUID, doing: str, *, is_new: bool = False) -> None:
        name = self.user.display_name
        event = {
            "type": "viewing",
            "conversation_id": str(conversation_id),
            "user": {"id": str(self.user.id), "name": name, "initials": initials(name)},
            "doing": doing,
            "is_new": is_new,
        }
        live.send(live.team_group(self.workspace_id, conversation_id), event)
