"""Files that go out with messages: which a channel carries, and which stand in the text as a link instead.

Nothing is dropped on the way: what the channel doesn't take, as it is too large or of another kind, the person gets as
an address in words. That is decided when the message is planned, and whoever writes it is told before.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deployments import file_links
from deployments.carriers import FilesTaken
from deployments.file_kinds import KINDS
from deployments.file_settings import LARGEST_FILE, MEGABYTE, MOST_IN_MESSAGE

# A link in a text that leaves later than it was written (it was parked, or is sent again) has at least so long left.
LEFT_SECONDS = 6 * 24 * 3600


@dataclass(frozen=True)
class Carries:
    """What a channel takes along: `types` with the most bytes of one; so `many` with a message, and bytes `together`.

    `called`: the channel, for people; `words`: what it takes instead of others.
    """

    called: str
    words: str
    types: Mapping[str, int]
    many: int
    together: int

    def why_not(self, content_type: str, size: int) -> str:
        """Why a file can't go along, for people; empty where it can."""
        most = self.types.get(content_type)
        if most is None:
            return f"{self.called} takes {self.words}"
        if size > most:
            kind = content_type.partition("/")[0]
            what = {"image": "pictures", "audio": "recordings", "video": "videos"}.get(kind, "files")
            return f"{self.called} takes {what} of {most / MEGABYTE:.3g} MB"
        return ""

    def parted(self, attachments: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Of a message's files those that go along, and those that are linked, each in their order."""
        going: list[dict[str, Any]] = []
        linked: list[dict[str, Any]] = []
        room = self.together
        for item in attachments:
            fits = not self.why_not(str(item["content_type"]), int(item["size"])) and item["size"] <= room
            if fits and len(going) < self.many:
                going.append(dict(item))
                room -= item["size"]
            else:
                linked.append(dict(item))
        return going, linked


# A channel of words alone.
NOTHING = Carries("SMS", "only text", {}, 0, 0)


def taken(carries: Carries | None) -> FilesTaken:
    """What members may send over a channel that carries these, all else as links; None: all go along."""

    def how(content_type: str, size: int) -> str:
        why = carries.why_not(content_type, size) if carries else ""
        return f"goes as a link: {why}" if why else ""

    if carries is None or not carries.types:
        return FilesTaken(KINDS, LARGEST_FILE, MOST_IN_MESSAGE, how)
    beside = f"goes as a link: {carries.called} takes {carries.together / MEGABYTE:.3g} MB in all"
    return FilesTaken(KINDS, LARGEST_FILE, MOST_IN_MESSAGE, how, carries.together, beside)


def here(attachments: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those files of a message that there are: not deleted, and fetched."""
    return [dict(item) for item in attachments if not item.get("deleted") and not item.get("state")]


def told(attachments: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A message's files for another program, `linked` when it is sent.

    Those with a `state` are not there: `fetching`, or given up, with a `reason`.
    """
    names = ("id", "name", "size", "content_type", "state", "reason")
    return [{name: one[name] for name in names if one.get(name)} for one in attachments if not one.get("deleted")]


def linked(attachments: Sequence[Mapping[str, Any]], workspace_id: UUID) -> list[dict[str, Any]]:
    """Each that is there with a link that is made now, so that a later try has one that is good."""
    return [
        dict(one) if one.get("state") else {**one, "url": file_links.link(workspace_id, UUID(str(one["id"])))}
        for one in attachments
    ]


def with_links(text: str, linked: Sequence[Mapping[str, Any]], workspace_id: UUID) -> tuple[str, dict[str, str]]:
    """The text, and after it each file by its name and a link that lasts; the links by the files' ids."""
    links = {str(item["id"]): file_links.lasting_link(workspace_id, UUID(str(item["id"]))) for item in linked}
    lines = [f"{item['name']}: {links[str(item['id'])]}" for item in linked]
    return "\n\n".join(filter(None, (text, "\n".join(lines)))), links


def renewed(content: Mapping[str, Any], workspace_id: UUID, now: float | None = None) -> dict[str, Any] | None:
    """The content with links that last anew, where one of them would be over too soon; None where none would."""
    moment = time.time() if now is None else now
    links: Mapping[str, str] = content.get("links") or {}
    old = {id_: link for id_, link in links.items() if file_links.ends_at(link) - moment < LEFT_SECONDS}
    if not old:
        return None
    text, fresh = str(content["text"]), dict(links)
    for id_, link in old.items():
        # As long as the one before, so that what the text costs stays what it is.
        fresh[id_] = file_links.lasting_link(workspace_id, UUID(id_), moment)
        text = text.replace(link, fresh[id_])
    return {**content, "text": text, "links": fresh}
