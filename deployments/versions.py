"""The versions of an assistant: which there are, what each holds, and making one the draft again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, not_found
from convoship.lib.remembering import Remembered
from deployments import differences, publishing, thinking
from deployments.models import Assistant, AssistantVersion, Conversation
from deployments.models.conversation import Status
from workspaces import audit
from workspaces.models import AuditEvent

# What is compared, shown or exported: a version's number, or the draft.
Side: TypeAlias = int | Literal["draft"]
DRAFT: Literal["draft"] = "draft"
LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True)
class Restored:
    """What came of restoring: the assistant as it is now, and the version published where that was asked for."""

    assistant: Assistant
    published: AssistantVersion | None
    is_changed: bool


def listed(assistant: Assistant) -> QuerySet[AssistantVersion]:
    """Its versions, the newest first, each with `running` (conversations that go on with it) and `talks` (all).

    What they say is not read: it may be megabytes.
    """
    real = Conversation.objects.filter(version=OuterRef("pk"), is_test=False)
    return (
        AssistantVersion.objects.filter(assistant=assistant)
        .select_related("published_by")
        .defer("content")
        .annotate(running=_count(real.filter(status=Status.ACTIVE)), talks=_count(real))
        .order_by("-number")
    )


def _count(rows: QuerySet[Conversation]) -> Coalesce:
    counted = rows.order_by().values("version").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def one(assistant: Assistant, number: int) -> Any:
    """The version of this number, with its counts; 404 otherwise."""
    found = listed(assistant).defer(None).filter(number=number).first() if 0 < number <= LARGEST_NUMBER else None
    if found is None:
        raise not_found()
    return found


MOST_SUMMARIES = 5_000
_summaries: Remembered[tuple[UUID, UUID], str] = Remembered(MOST_SUMMARIES)


def summaries(pairs: Iterable[tuple[AssistantVersion, AssistantVersion]]) -> dict[int, str]:
    """What each version changed against an older one, in a few words, by its number; `pairs` are (older, version).

    Versions never change, so a process compares each pair once; only then it reads what they say.
    """
    keys = {version.number: (older.id, version.id) for older, version in pairs}
    said = {number: words for number, key in keys.items() if (words := _summaries.get(key)) is not None}
    unknown = {number: key for number, key in keys.items() if number not in said}
    if unknown:
        wanted = {version_id for key in unknown.values() for version_id in key}
        contents = dict(AssistantVersion.objects.filter(id__in=wanted).values_list("id", "content"))
        for number, (older_id, version_id) in unknown.items():
            if older_id not in contents or version_id not in contents:
                continue  # the assistant has just been deleted
            words = differences.summary(differences.compare(contents[older_id], contents[version_id]))
            said[number] = _summaries.put((older_id, version_id), words)
    return said


def number_before(assistant: Assistant, number: int) -> int | None:
    """The number of the version before it; None for the first."""
    earlier = AssistantVersion.objects.filter(assistant=assistant, number__lt=number).order_by("-number")
    return earlier.values_list("number", flat=True).first()


def usual_old(assistant: Assistant, new: Side) -> Side | None:
    """What one wants to see a side against: the version before it, and for the draft what is live."""
    if new == DRAFT:
        return assistant.published.number if assistant.published else None
    return number_before(assistant, new)


def content_of(assistant: Assistant, side: Side) -> Mapping[str, Any]:
    """The content of the draft, or of a version; 404 where there is none."""
    content: Mapping[str, Any] = assistant.content_of_draft() if side == DRAFT else one(assistant, side).content
    return content


def publishers(assistant: Assistant, found: Iterable[AssistantVersion]) -> dict[int, str]:
    """Who published each version, by number: a member's name, else what the audit log calls whoever it was."""
    named = {version.number: version.published_by.display_name for version in found if version.published_by}
    unnamed = [version.number for version in found if version.number not in named]
    if not unnamed:
        return named
    lines = AuditEvent.objects.filter(
        action="assistant.published", target_id=str(assistant.id), data__version__in=unnamed
    )
    return {**{line.data["version"]: line.actor_label for line in lines}, **named}


def restore(
    actor: Actor, assistant_id: UUID, number: int, *, publish: bool = False, note: str = "", seen: str | None = None
) -> Restored:
    """Make a version's content the draft, and with `publish` live as a new version; conversations keep theirs.

    422 names what would be refused today, 409 if the draft is not the one of `seen` (`draft_changed_at`) any more, and
    whatever publishing refuses; then nothing is changed.
    """
    assistant = publishing.held(assistant_id)
    version = one(assistant, number)
    if seen is not None and seen != assistant.draft_changed_at.isoformat():
        raise Problem("conflict", "The draft was changed meanwhile.", hint="Look at what would be lost, then go on.")
    is_changed = replace_draft(
        actor,
        assistant,
        name=version.content["name"],
        scripted=version.content["scripted"],
        handoff=version.content.get("handoff", {}),
        responder=version.responder,
        parts={name: version.content.get(name) for name in thinking.PARTS},
    )
    if is_changed:
        audit.record(actor, "assistant.restored", assistant, version=number)
    published = None
    if publish and assistant.has_unpublished_changes:
        # Who goes back has no time for test cases that were written since; the log says it where they fail.
        note = note or f"Restored version {number}"
        published = publishing.publish(actor, assistant.id, note=note, despite_tests=True)
        assistant = publishing.held(assistant_id)
    return Restored(assistant, published, is_changed or published is not None)


def replace_draft(
    actor: Actor,
    assistant: Assistant,
    *,
    name: str,
    scripted: Mapping[str, Any],
    handoff: Mapping[str, Any] | None = None,
    responder: str | None = None,
    parts: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Make this the draft, in place of all that was there; answers whether anything changed.

    Without `handoff` its rules stay, and so does what `parts` doesn't name. A desk that is gone stays named: hand-overs
    go on to the next one.
    """
    parsed = publishing.parsed_script(scripted)
    so_far = assistant.draft.get("handoff", {})
    rules = so_far if handoff is None else publishing.parsed_handoff(handoff, known=None)
    is_changed = (
        (name, parsed, rules) != (assistant.name, assistant.draft.get("scripted"), so_far)
        or responder not in {None, assistant.responder}
        or any(assistant.draft.get(key) != part for key, part in parts.items())
    )
    if is_changed:
        publishing.change_draft(
            actor,
            assistant,
            name=name,
            scripted=parsed,
            handoff=rules,
            responder=responder,
            parts=parts,
            known_desks=rules.get("desks", ()),
        )
    if assistant.draft_typed is not None:  # what the editor holds was typed over the draft that has gone
        assistant.draft_typed, assistant.draft_changed_at = None, timezone.now()
        assistant.save(update_fields=["draft_typed", "draft_changed_at"])
        is_changed = True
    return is_changed


def would_lose(assistant: Assistant, version: AssistantVersion) -> bool:
    """Whether restoring this version loses something that no version holds."""
    if assistant.draft_typed is not None:
        return True
    draft = assistant.content_of_draft()
    if draft == version.content:
        return False
    return not AssistantVersion.objects.filter(assistant=assistant, content=draft).exists()
