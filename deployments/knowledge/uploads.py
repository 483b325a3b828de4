"""Files for an assistant to read: looked at and scanned before anything of them is kept. Outside of `tenant()`."""

from __future__ import annotations

from uuid import UUID

from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from deployments import checking, scanning
from deployments.knowledge import sources
from deployments.models import Assistant, KnowledgeSource


def add(
    workspace_id: UUID, actor: Actor, assistant: Assistant, name: str, content: bytes, *, language: str = ""
) -> KnowledgeSource:
    """Add a file as a source; 413, 415, 422, 429 or 503 with words, `scanning.Infected` where a virus was found."""
    sources.check_file(name, content)
    if scanning.is_on():
        with scanning.or_away():
            signature = checking.scanners.wait_for(str(actor.id), scanning.signature_of, content)
        scanning.judge(name, signature)
    with tenant(workspace_id):
        return sources.add_file(actor, assistant, name=name, content=content, language=language)
