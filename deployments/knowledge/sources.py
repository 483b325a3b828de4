"""Adding, fetching again, and removing what an assistant knows. Every function runs inside `tenant()`.

Nothing is read here: a source is due from the moment it is there, and a worker reads it (`rounds`).
"""

from __future__ import annotations

import datetime as dt
import re
from uuid import UUID

from django.utils import timezone

from convoship.lib import limiting
from convoship.lib.actors import Actor
from convoship.lib.outbound import OutboundError, checked
from convoship.lib.outbound.places import host_of
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.tenancy import entered_workspace_id
from deployments import publishing
from deployments.file_kinds import clean_name
from deployments.knowledge import fetching, keeping, limits, parsing, vocabulary
from deployments.knowledge.languages import LANGUAGES, SIMPLE
from deployments.models import Assistant, KnowledgeEmbedding, KnowledgePage, KnowledgeSource, KnowledgeUpload
from deployments.models.knowledge import EmbeddingStatus, SourceKind, SourceStatus
from workspaces import audit

# Of names as they are looked up, or an address of version 6.
_HOST = re.compile(r"[a-z0-9._-]+|\[?[0-9a-f:.]+\]?")
LONGEST_TITLE, LONGEST_URL = 200, 2000
# How often a source of the web may be fetched by itself: hours, and the words for it.
INTERVALS = {24: "Every day", 168: "Every week", 720: "Every 30 days"}


def get(assistant_id: UUID, source_id: UUID, *, lock: bool = False) -> KnowledgeSource:
    """An assistant's source; 404 where it has none by that id."""
    rows = KnowledgeSource.objects.select_for_update(no_key=True) if lock else KnowledgeSource.objects
    found = rows.filter(id=source_id, assistant_id=assistant_id).first()
    if found is None:
        raise not_found()
    return found


def add_text(actor: Actor, assistant: Assistant, *, title: str, text: str, language: str = "") -> KnowledgeSource:
    """A pasted text, Markdown or plain; 422 with words at the field that is wrong."""
    errors = _title_errors(title) | _language_errors(language) | _text_errors(text)
    if errors:
        raise invalid(errors)
    return _added(actor, assistant, SourceKind.TEXT, title=title, language=language, content=text.encode())


def add_file(actor: Actor, assistant: Assistant, *, name: str, content: bytes, language: str = "") -> KnowledgeSource:
    """A file of `parsing.TAKEN`; 413, 415 or 422 with words. A virus scanner has been asked before."""
    check_file(name, content)
    if errors := _language_errors(language):
        raise invalid(errors)
    shown = clean_name(name)
    return _added(actor, assistant, SourceKind.FILE, title=shown, language=language, content=content, name=shown)


def check_file(name: str, content: bytes) -> None:
    """Whether a file may be added at all, before anything else is done with it."""
    if len(content) > limits.LARGEST_FILE:
        raise Problem(
            "payload_too_large",
            f"The file is too large: at most {limits.LARGEST_FILE // 1024 // 1024} MB are possible.",
            hint="Split it, or paste the part that matters as a text.",
        )
    form = parsing.form_of_name(name)
    if not form:
        raise Problem(
            "unsupported_media_type",
            f"Files of this kind are not read. Taken are {parsing.TAKEN}.",
            hint="Save it in one of these forms, or paste its text.",
        )
    if not content.strip():
        raise invalid({"file": ["The file is empty."]})
    try:
        parsing.check_form(form, content)
    except parsing.Unreadable as unreadable:
        raise invalid({"file": [f"{unreadable.reason} {unreadable.remedy}"]}) from None


def add_web(
    actor: Actor,
    assistant: Assistant,
    *,
    kind: SourceKind,
    url: str,
    title: str = "",
    refetch_hours: int | None = None,
    language: str = "",
) -> KnowledgeSource:
    """A web page, or all pages that a sitemap lists; 422 with words at the field that is wrong."""
    errors = (
        _language_errors(language) | (_title_errors(title) if title.strip() else {}) | _interval_errors(refetch_hours)
    )
    address, refusal = _address(url)
    if refusal:
        errors["url"] = [refusal]
    elif KnowledgeSource.objects.filter(assistant=assistant, kind=kind, url=address).exists():
        errors["url"] = ["The assistant knows this address already."]
    if errors:
        raise invalid(errors)
    return _added(actor, assistant, kind, title=title, language=language, url=address, refetch_hours=refetch_hours)


def _added(
    actor: Actor,
    assistant: Assistant,
    kind: SourceKind,
    *,
    title: str,
    language: str,
    url: str = "",
    refetch_hours: int | None = None,
    content: bytes | None = None,
    name: str = "",
) -> KnowledgeSource:
    limiting.hit("knowledge_sources_added", str(entered_workspace_id()), words="Many sources are being added")
    held = publishing.held(assistant.id)
    limits.require_source(held)
    if not KnowledgeSource.objects.filter(assistant=held).exists():
        _turn_on(held)
    source = KnowledgeSource.objects.create(
        assistant=held,
        kind=kind,
        title=" ".join(title.split())[:LONGEST_TITLE] or _title_of(url),
        url=url,
        language=language,
        refetch_hours=refetch_hours,
        due_at=timezone.now(),
    )
    if content is not None:
        KnowledgeUpload.objects.create(source=source, name=name or "text.md", content=content)
    audit.record(actor, "knowledge.added", source, assistant=str(assistant.id), kind=kind.value)
    return source


def _turn_on(assistant: Assistant) -> None:
    """With the first source the draft's script begins to use it; visitors meet that once it is published."""
    script = assistant.draft["scripted"]
    if script.get("uses_knowledge"):
        return
    assistant.draft = {**assistant.draft, "scripted": {**script, "uses_knowledge": True}}
    if assistant.draft_typed is not None:
        # What is unfinished in the editor is kept as its form, which has a box for it.
        assistant.draft_typed = {**assistant.draft_typed, "uses_knowledge": "on"}
    assistant.draft_changed_at = timezone.now()
    assistant.save(update_fields=["draft", "draft_typed", "draft_changed_at"])


def change(
    actor: Actor, source: KnowledgeSource, *, title: str, refetch_hours: int | None, text: str | None = None
) -> None:
    """Name it otherwise, fetch it at other times, or say something else in a pasted `text`; 422 with words.

    409 for a text that is just being read. What it said before is found until the new one is read.
    """
    errors = _title_errors(title) | _interval_errors(refetch_hours)
    if text is not None:
        errors |= _text_errors(text) if source.kind == SourceKind.TEXT else {"text": ["Only a pasted text is edited."]}
    if refetch_hours is not None and not source.is_from_web:
        errors["refetch_hours"] = ["Only what is on the web can be fetched again."]
    if errors:
        raise invalid(errors)
    wanted = {"title": " ".join(title.split()), "refetch_hours": refetch_hours}
    changed = [name for name, value in wanted.items() if getattr(source, name) != value]
    if text is not None and text.strip() != (text_of(source) or "").strip():
        changed.append("text")
    if not changed:
        return
    source.title, source.refetch_hours = str(wanted["title"]), refetch_hours
    if "refetch_hours" in changed and source.status != SourceStatus.WAITING:
        source.due_at = next_due(source)
    if "text" in changed:
        _read_anew(source, text or "")
    source.save(update_fields=["title", "refetch_hours", "due_at", "status", "reason", "remedy", "attempts"])
    if "title" in changed and source.kind != SourceKind.SITEMAP:
        keeping.rename(source, source.title)
        vocabulary.renew(source.assistant_id)
        KnowledgeEmbedding.objects.filter(assistant_id=source.assistant_id, due_at__isnull=True).exclude(
            status=EmbeddingStatus.FAILED
        ).update(due_at=timezone.now())
    audit.record(actor, "knowledge.changed", source, changed=changed)


def _read_anew(source: KnowledgeSource, text: str) -> None:
    if source.status == SourceStatus.WAITING:
        raise Problem("conflict", "The text is just being read.", hint="Wait a moment, then save it again.")
    limiting.hit("knowledge_sources_added", str(entered_workspace_id()), words="Many sources are being added")
    KnowledgeUpload.objects.create(source=source, name="text.md", content=text.encode())
    source.status, source.reason, source.remedy = SourceStatus.WAITING, "", ""
    source.due_at, source.attempts = timezone.now(), 0


def text_of(source: KnowledgeSource) -> str | None:
    """A pasted text as it is known, or as it waits to be read; None for any other source."""
    if source.kind != SourceKind.TEXT:
        return None
    upload = KnowledgeUpload.objects.filter(source=source).first()
    if upload is not None:
        return bytes(upload.content).decode()
    page = KnowledgePage.objects.filter(source=source).first()
    return page.text if page is not None else ""


def own_title(source: KnowledgeSource) -> str:
    """The title that somebody gave a web page, which counts for more than its own; "" where nobody did."""
    is_named = source.kind == SourceKind.PAGE and source.title != _title_of(source.url)
    return source.title if is_named else ""


def next_due(source: KnowledgeSource) -> dt.datetime | None:
    """When it is to be fetched by itself; None where it isn't."""
    if source.refetch_hours is None:
        return None
    return (source.fetched_at or timezone.now()) + dt.timedelta(hours=source.refetch_hours)


def refetch(actor: Actor, source: KnowledgeSource) -> None:
    """Fetch it now; 409 for what isn't on the web. While it is being read already there is nothing to do."""
    if not source.is_from_web:
        raise Problem(
            "conflict",
            "This is no web page: there is nothing to fetch.",
            hint="Add the new text or file, and remove this one.",
        )
    limiting.hit("knowledge_fetches", str(entered_workspace_id()), words="Much is being fetched")
    if source.status == SourceStatus.WAITING and source.due_at is not None and source.due_at <= timezone.now():
        return
    source.status, source.reason, source.remedy = SourceStatus.WAITING, "", ""
    source.due_at, source.attempts = timezone.now(), 0
    source.save(update_fields=["status", "reason", "remedy", "due_at", "attempts"])
    audit.record(actor, "knowledge.fetched", source)


def remove(actor: Actor, source: KnowledgeSource) -> None:
    """Remove it with all that came of it: from now on nothing of it is found."""
    assistant_id = source.assistant_id
    pages = KnowledgePage.objects.filter(source=source).count()
    audit.record(actor, "knowledge.removed", source, assistant=str(assistant_id), kind=source.kind, pages=pages)
    source.delete()
    vocabulary.renew(assistant_id)


# --- Fields -----------------------------------------------------------------------------------------------------------


def _unfit(text: str) -> str | None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return "This contains a character that can't be stored. Copy it again."
    return None


def _text_errors(text: str) -> dict[str, list[str]]:
    if not text.strip():
        return {"text": ["Write or paste what the assistant should know."]}
    if len(text) > limits.LONGEST_TEXT:
        most = f"at most {limits.LONGEST_TEXT:,} are possible"
        return {"text": [f"This is too long: {len(text):,} characters, {most}. Add it in parts, or as a file."]}
    return {"text": [wrong]} if (wrong := _unfit(text)) else {}


def _title_errors(title: str) -> dict[str, list[str]]:
    if not title.strip():
        return {"title": ["Give it a title: it is named when an answer comes from it."]}
    if len(title) > LONGEST_TITLE:
        return {"title": [f"This is too long: at most {LONGEST_TITLE} characters are possible."]}
    return {"title": [wrong]} if (wrong := _unfit(title)) else {}


def _language_errors(language: str) -> dict[str, list[str]]:
    if language in {"", SIMPLE} or language in LANGUAGES:
        return {}
    return {"language": [f"Use one of {', '.join(LANGUAGES)}, {SIMPLE}, or leave it out."]}


def _interval_errors(hours: int | None) -> dict[str, list[str]]:
    if hours is None or hours in INTERVALS:
        return {}
    return {"refetch_hours": [f"Use {', '.join(map(str, INTERVALS))}, or nothing to fetch it only when asked."]}


def _address(url: str) -> tuple[str, str]:
    """The address as it is kept, and why it can't be used."""
    wanted = url.strip()
    if not wanted:
        return "", "Give the address, such as https://www.example.com/help."
    if len(wanted) > LONGEST_URL:
        return "", f"This is too long: at most {LONGEST_URL} characters are possible."
    if "://" not in wanted:
        wanted = f"https://{wanted}"
    try:
        checked(wanted)
    except OutboundError as error:
        return "", error.words
    host = host_of(wanted)
    if not _HOST.fullmatch(host) or ("://" not in url and "." not in host):
        return "", "That is not the address of a page, such as https://www.example.com/help."
    address = fetching.without_fragment(wanted)
    return address, "" if address else "That is not the address of a page, such as https://www.example.com/."


def _title_of(url: str) -> str:
    return url.partition("://")[2].rstrip("/")[:LONGEST_TITLE] or "Knowledge"
