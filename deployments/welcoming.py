"""What an assistant says before anybody has said anything to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.about import about
from deployments.conversations import NewMessage
from deployments.models.conversation import AuthorKind
from deployments.responders import answering
from deployments.variants import Met


def words(
    met: Met, channel: str, locale: str, claims: Mapping[str, Any], *, page: Mapping[str, str] | None = None
) -> list[NewMessage]:
    """The welcome of a conversation about to be opened; nothing where none is published, which opening refuses."""
    version, page = met.version, page or {}
    if version is None:
        return []
    known = about(
        claims,
        page_url=page.get("url", ""),
        page_title=page.get("title", ""),
        assistant=version.content["name"],
    )
    welcome = answering.welcome(version.content, locale, channel, known)
    return [
        NewMessage(
            author_kind=AuthorKind.ASSISTANT, author_name=version.content["name"], text=say.text, blocks=say.blocks
        )
        for say in welcome
    ]
