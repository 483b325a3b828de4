"""Files that came with a message: the message is there at once, and they are fetched into it afterwards.

A file is claimed by a lease and a token as events are. Its row (`InboundMedia`) names the message's attachment that it
stands for; whatever becomes of it, the message says so.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from channels_app import accounts, bell
from channels_app.models import Connection, InboundMedia
from channels_app.models.connection import ConnectionState
from channels_app.models.media import MediaState
from channels_app.providers import fetching
from channels_app.providers.base import FetchedFile, Provider, ProviderError
from channels_app.providers.events import MessageReceived
from convoship.lib.actors import Actor
from convoship.lib.failpoints import failpoint
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from convoship.lib.times import moment
from deployments import attachments, checking, conversations, file_kinds, file_quotas, files, handoff, scanning
from deployments.carriers import FilesTaken
from deployments.file_kinds import KINDS, Checked
from deployments.models import Conversation, File, Message
from deployments.models.conversation import AuthorKind
from workspaces import audit

logger = logging.getLogger(__name__)

# Longer than fetching, drawing, scanning and storing one take together.
LEASE = dt.timedelta(minutes=4)
# Right after its webhook a file may not be there yet; what else fails is given more time.
SOON = tuple(dt.timedelta(seconds=seconds) for seconds in (2, 5))
LATER = tuple(dt.timedelta(seconds=seconds) for seconds in (10, 60, 600, 3600, 6 * 3600))
# Beyond any ladder: whoever fetches it is stopped by it each time.
MOST_TRIES = 10
# What breaks in our own code so often breaks again.
MOST_FAULTS = 3
# Each is in memory while it is in hand.
AT_ONCE = 8
TAKEN = FilesTaken(KINDS, fetching.LARGEST, 10)
_ASK = "Ask them to send it in another way."
# What an attachment says of itself while it is no file.
_TOLD = frozenset({"state", "reason", "remedy", "next_try_at", "tried_at"})
# What stands for a file until its name is known, by what the provider says that it is.
_CALLED = {"image": "Photo", "video": "Video", "audio": "Recording"}
_CARDS = ("text/vcard", "text/x-vcard", "text/directory")


@dataclass(frozen=True)
class ClaimedMedia:
    """A file in hand: from where, by whom, and what the provider says of it."""

    workspace_id: UUID
    media_id: UUID
    token: UUID
    provider: Provider
    url: str
    said_type: str
    conversation_id: UUID
    name: str


# --- With the message -----------------------------------------------------------------------------------------------


def shown(event: MessageReceived, key: str) -> list[dict[str, Any]]:
    """The attachments of a message before anything of them was fetched. `key` is the same for a message at each try."""
    return [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"convoship:{key}:{place}")),
            "name": _called(item),
            "size": 0,
            "content_type": item.get("content_type", "")[:100],
            "state": "fetching",
        }
        for place, item in enumerate(event.media)
    ]


def _called(item: Mapping[str, str]) -> str:
    if item.get("name"):
        return file_kinds.clean_name(item["name"])
    said = item.get("content_type", "").partition(";")[0].strip().lower()
    return "Contact card" if said in _CARDS else _CALLED.get(said.partition("/")[0], "File")


def enrol(connection: Connection, message: Message, event: MessageReceived) -> None:
    """Have the files of a message that was just posted fetched. In its transaction."""
    now = timezone.now()
    InboundMedia.objects.bulk_create(
        InboundMedia(
            id=UUID(item["id"]),
            workspace_id=connection.workspace_id,
            connection=connection,
            conversation_id=message.conversation_id,
            message=message,
            place=place,
            url=named.get("url", "")[:2000],
            said_type=item["content_type"],
            due_at=now,
        )
        for place, (item, named) in enumerate(zip(message.attachments, event.media, strict=True))
    )
    transaction.on_commit(bell.ring)


# --- Fetched --------------------------------------------------------------------------------------------------------


def claim(workspace_id: UUID, limit: int) -> list[ClaimedMedia]:
    """Take up to so many that are due. Inside `tenant()`."""
    now = timezone.now()
    rows = InboundMedia.objects.select_for_update(of=("self",), skip_locked=True)
    due = rows.filter(Q(leased_until=None) | Q(leased_until__lt=now), state=MediaState.WAITING, due_at__lte=now)
    found = due.filter(connection__state=ConnectionState.ACTIVE).select_related("connection", "message")
    claimed = []
    for row in found.order_by("due_at")[:limit]:
        if row.tries >= MOST_TRIES:
            _stopped_too_often(row)
            continue
        row.claim, row.leased_until, row.tries = uuid.uuid4(), now + LEASE, row.tries + 1
        row.save(update_fields=["claim", "leased_until", "tries"])
        try:
            provider = accounts.to_send(row.connection)
        except ProviderError as error:
            # Nothing is at fault with it: it waits for the connection to be mended, whose page says what is wrong.
            held = conversations.lock_those_free([row.conversation_id])
            _wait(row, held.get(row.conversation_id), error, LATER[2])
            continue
        shown_as = next((item["name"] for item in row.message.attachments if item["id"] == str(row.id)), "")
        claimed.append(
            ClaimedMedia(
                workspace_id,
                row.id,
                row.claim,
                provider,
                row.url,
                row.said_type.partition(";")[0].strip().lower(),
                row.conversation_id,
                shown_as,
            )
        )
    return claimed


def _stopped_too_often(row: InboundMedia) -> None:
    """Others hold the conversation before they ask for the row, which is held here: nobody is waited for."""
    conversation = conversations.lock_those_free([row.conversation_id]).get(row.conversation_id)
    if conversation is not None:
        words = f"The worker was stopped {row.tries} times while fetching it."
        _give_up(row, conversation, MediaState.FAILED, words, "Look at the worker's log, then fetch it again.")


async def run(claimed: ClaimedMedia) -> None:
    """Fetch one, look at it, keep it, and put it in its message; whatever fails is said there."""
    try:
        fetched = await claimed.provider.fetch(claimed.url)
        named = _named(claimed, fetched)
        checked = await checking.check(f"media:{claimed.workspace_id}", named, fetched.content, TAKEN)
        failpoint("F9")
        await in_thread(_keep, claimed, checked)
    except ProviderError as error:
        await in_tenant(_failed)(claimed.workspace_id, claimed, error)
    except scanning.Infected as infected:
        await in_thread(scanning.note, claimed.workspace_id, claimed.conversation_id, infected)
        await in_tenant(_refused)(claimed.workspace_id, claimed, infected)
    except Problem as problem:
        await in_tenant(_refused)(claimed.workspace_id, claimed, problem)
    except (OperationalError, InterfaceError):
        # The database is away: nothing can be written now, and the lease ends by itself.
        raise
    except Exception:
        logger.exception("file %s of workspace %s could not be dealt with", claimed.media_id, claimed.workspace_id)
        await in_tenant(_broke)(claimed.workspace_id, claimed)


def _named(claimed: ClaimedMedia, fetched: FetchedFile) -> str:
    """What it is called: by whoever keeps it, else by its address, else by its kind. An unknown ending says nothing."""
    last = unquote(urlsplit(claimed.url).path.rpartition("/")[2]) if "." in claimed.url.rpartition("/")[2] else ""
    name = file_kinds.clean_name(fetched.name or last or claimed.name)
    stem, dot, ending = name.rpartition(".")
    if dot and file_kinds.is_known(ending):
        return name
    # The content alone doesn't tell kinds of text apart.
    said = {**dict.fromkeys(_CARDS, ".vcf"), "text/csv": ".csv"}.get(claimed.said_type, "")
    return f"{(stem if dot else name) or 'file'}{said}"


def _keep(claimed: ClaimedMedia, checked: Checked) -> None:
    file_quotas.require_disk(files.storage())
    with tenant(claimed.workspace_id):
        enrolled = _enrolled(claimed, checked)
    if enrolled is None:
        return
    try:
        kept = files.kept(enrolled, checked)
    except Problem as problem:
        if problem.code == "not_found":
            return  # its conversation was deleted meanwhile
        raise
    with tenant(claimed.workspace_id):
        _finish(claimed, kept)


def _held(claimed: ClaimedMedia) -> tuple[Conversation, InboundMedia] | None:
    """The locked conversation and the row, where the claim stands; None where somebody else has it, or it is gone."""
    try:
        conversation = conversations.lock(claimed.conversation_id)
    except Problem:
        return None
    rows = InboundMedia.objects.select_for_update(of=("self",)).select_related("message")
    row = rows.filter(id=claimed.media_id, claim=claimed.token, state=MediaState.WAITING).first()
    return (conversation, row) if row is not None else None


def _enrolled(claimed: ClaimedMedia, checked: Checked) -> File | None:
    held = _held(claimed)
    if held is None:
        return None
    conversation, row = held
    if row.file_id is not None:
        # A worker was stopped while it stored this one before: its content goes with the row.
        File.objects.filter(id=row.file_id, message=None).delete()
    files.require_place(conversation, AuthorKind.VISITOR)
    together = File.objects.filter(conversation__deployment=None, author_kind=AuthorKind.VISITOR)
    file_quotas.require_room(claimed.workspace_id, together, len(checked.content), lock=True)
    row.file = files.enrolled(conversation, checked, author_kind=AuthorKind.VISITOR)
    row.save(update_fields=["file"])
    return row.file


def _finish(claimed: ClaimedMedia, kept: File) -> None:
    held = _held(claimed)
    if held is None:
        # Somebody else took it up, and has one of its own.
        File.objects.filter(id=kept.id, message=None).delete()
        return
    conversation, row = held
    if all(item["id"] != str(row.id) for item in row.message.attachments):
        # Its message was emptied meanwhile, and nothing of it is wanted any more.
        File.objects.filter(id=kept.id).delete()
        row.delete()
        return
    File.objects.filter(id=kept.id).update(message=row.message)
    _end(row, MediaState.FETCHED)
    _show(conversation, row, attachments.file_json(kept))


def _failed(claimed: ClaimedMedia, error: ProviderError) -> None:
    held = _held(claimed)
    if held is not None:
        _put_off(held[1], error, held[0])


def _broke(claimed: ClaimedMedia) -> None:
    """A fault of ours: what made it may pass, but not often."""
    held = _held(claimed)
    if held is not None:
        is_over = held[1].tries >= MOST_FAULTS
        remedy = "The server's log says more. Fetch it again, or ask them to send it in another way."
        _put_off(
            held[1],
            ProviderError("Something broke in Convoship while fetching it.", remedy, permanent=is_over),
            held[0],
        )


def _refused(claimed: ClaimedMedia, problem: Problem) -> None:
    """It was fetched and isn't kept: for good by what it is, for now by what there is room for."""
    held = _held(claimed)
    if held is None:
        return
    conversation, row = held
    said = [words for found in problem.errors.values() for words in found]
    words = " ".join(said) or problem.detail
    if problem.status in {429, 503}:
        remedy = "It is tried again."
        if isinstance(problem, file_quotas.NoRoom):
            words = "The workspace keeps as many files as it may."
            remedy = "Delete old ones: Channels, and a deployment's Settings tab, lead to them. Then fetch it again."
        later = ProviderError(words, remedy, retry_after=problem.retry_after)
        _put_off(row, later, conversation)
        return
    if problem.code == "unsupported_media_type":
        words = "A file of a kind that is not taken here."
    _give_up(row, conversation, MediaState.REFUSED, words, _ASK)


def _put_off(row: InboundMedia, error: ProviderError, conversation: Conversation) -> None:
    """Try again later; after the last try, or where that is of no use, the message says why and what to do."""
    soon = error.http_status == 404
    ladder = (*SOON, *LATER) if soon else LATER
    if error.permanent or row.tries > len(ladder):
        _give_up(row, conversation, MediaState.FAILED, error.words, error.remedy)
        return
    wait = ladder[row.tries - 1]
    if error.retry_after is not None:
        wait = max(wait, dt.timedelta(seconds=min(error.retry_after, 3600)))
    _wait(row, conversation, error, wait)


def _wait(row: InboundMedia, conversation: Conversation | None, error: ProviderError, wait: dt.timedelta) -> None:
    """Until it is tried again; the message says when, and why, where its conversation is at hand."""
    row.reason, row.remedy = error.words[:300], error.remedy[:300]
    row.claim, row.leased_until, row.due_at = None, None, timezone.now() + wait
    row.save(update_fields=["reason", "remedy", "claim", "leased_until", "due_at"])
    if conversation is not None:
        told = {"reason": row.reason, "next_try_at": moment(row.due_at)}
        _show(conversation, row, {**_item(row), "state": "fetching", **told})


def _give_up(row: InboundMedia, conversation: Conversation, state: MediaState, words: str, remedy: str) -> None:
    row.reason, row.remedy = words[:300], remedy[:300]
    _end(row, state)
    tried = {"tried_at": moment(timezone.now())} if state == MediaState.FAILED else {}
    told = {"state": state.value, "reason": row.reason, "remedy": row.remedy, **tried}
    _show(conversation, row, {**_item(row), **told})


def _end(row: InboundMedia, state: MediaState) -> None:
    if state == MediaState.FETCHED:
        row.reason = row.remedy = ""
    row.state, row.ended_at, row.claim, row.leased_until = state, timezone.now(), None, None
    row.save(update_fields=["state", "reason", "remedy", "ended_at", "claim", "leased_until"])


def _item(row: InboundMedia) -> dict[str, Any]:
    """The row's attachment as it was before anything became of it."""
    message = Message.objects.get(id=row.message_id)
    item = next((item for item in message.attachments if item["id"] == str(row.id)), {"id": str(row.id)})
    return {name: value for name, value in item.items() if name not in _TOLD}


def _show(conversation: Conversation, row: InboundMedia, item: Mapping[str, Any]) -> None:
    """Put this in the place of the row's attachment. The conversation is locked."""
    message = Message.objects.select_for_update(no_key=True).get(id=row.message_id)
    now: Sequence[Any] = [item if one["id"] == str(row.id) else one for one in message.attachments]
    conversations.change_message(conversation, message, attachments=list(now))
    if item.get("state") != "fetching":
        handoff.files_came(conversation, message)


def let_go(connection: Connection) -> None:
    """The connection is being deleted: what it was still to fetch never comes, and its message says so."""
    waiting = InboundMedia.objects.filter(connection=connection, state=MediaState.WAITING)
    # Who holds a conversation may wait for the connection, which is held here: nobody is waited for.
    free = conversations.lock_those_free(waiting.values("conversation"))
    for row in waiting.filter(conversation__in=free).order_by("conversation", "place"):
        words = "The connection that it came over was deleted."
        _give_up(row, free[row.conversation_id], MediaState.REFUSED, words, _ASK)


def can_be_fetched(attachment_id: str) -> bool:
    """Whether the attachment is a file that failed, so far or for good, and may be asked for now. Within the tenant."""
    return InboundMedia.objects.filter(_FAILED_SO_FAR, id=attachment_id).exists()


# For good; or it is tried again later, and nobody has it in hand.
_FAILED_SO_FAR = Q(state=MediaState.FAILED) | (Q(state=MediaState.WAITING, claim=None) & ~Q(reason=""))


# --- Again ----------------------------------------------------------------------------------------------------------


def fetch_again(actor: Actor, conversation_id: UUID, media_id: UUID) -> bool:
    """Try one that failed anew, now; False where it didn't, or is in hand again. 404 where there is none."""
    conversation = conversations.lock(conversation_id)
    ours = InboundMedia.objects.filter(id=media_id, conversation=conversation)
    if not ours.exists():
        raise not_found()
    # (Whoever has it in hand holds it for a moment only.)
    row = ours.select_for_update(of=("self",)).filter(_FAILED_SO_FAR).first()
    if row is None:
        return False
    row.state, row.tries, row.due_at, row.ended_at = MediaState.WAITING, 0, timezone.now(), None
    row.reason = row.remedy = ""
    row.save(update_fields=["state", "tries", "due_at", "ended_at", "reason", "remedy"])
    _show(conversation, row, {**_item(row), "state": "fetching"})
    audit.record(actor, "conversation.file_fetched_again", conversation, media=str(row.id))
    transaction.on_commit(bell.ring)
    return True
