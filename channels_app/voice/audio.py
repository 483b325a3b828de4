"""Audio of calls, fetched by the worker from where its provider keeps it, and taken away there once it is erased here.

What we recorded ourselves is put together of its parts (`own_recordings`), and kept in the same way. A recording is
claimed by a lease and a token as files of messages are (`inbound_media`), and tried on the same ladder. A voicemail's
audio goes into the message that it is; the audio of a whole call stands on the call alone.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from channels_app import accounts, bell
from channels_app.inbound_media import LATER, LEASE, MOST_FAULTS, MOST_TRIES, SOON
from channels_app.models import CallRecording, Connection, RecordingPart
from channels_app.models.call import RecordingKind, RecordingState
from channels_app.models.connection import ConnectionState
from channels_app.providers import fetching
from channels_app.providers.base import Provider, ProviderError
from channels_app.voice import own_recordings
from convoship.lib.actors import Actor
from convoship.lib.failpoints import failpoint
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from convoship.lib.times import moment
from deployments import attachments, checking, conversations, file_quotas, files, handoff, live, scanning
from deployments.carriers import FilesTaken
from deployments.file_kinds import Checked
from deployments.models import Conversation, File, Message
from deployments.models.conversation import AuthorKind
from workspaces import audit

logger = logging.getLogger(__name__)

TAKEN = FilesTaken(("audio",), fetching.LARGEST, 1)
_OPEN = (RecordingState.MADE, RecordingState.FETCHING)
_NAMES = {RecordingKind.VOICEMAIL: "Voicemail.mp3", RecordingKind.RECORDING: "Recording.mp3"}
_OWN_NAME = "Recording.wav"
_TOLD = frozenset({"state", "reason", "remedy", "next_try_at", "tried_at"})


@dataclass(frozen=True)
class ClaimedAudio:
    """A recording in hand. `is_gone`: it was erased here, and is to be deleted at its provider.

    `provider` is None of one that we made ourselves.
    """

    workspace_id: UUID
    recording_id: UUID
    claim: UUID
    provider: Provider | None
    sid: str
    name: str
    conversation_id: UUID
    is_gone: bool = False


# --- In the worker ----------------------------------------------------------------------------------------------------


def claim(workspace_id: UUID, limit: int) -> list[ClaimedAudio]:
    """Take up to so many that are due. Inside `tenant()`."""
    now = timezone.now()
    rows = CallRecording.objects.select_for_update(of=("self",), skip_locked=True)
    # What was erased is deleted there while the connection is paused, too.
    wanted = Q(state__in=_OPEN) & (Q(connection__state=ConnectionState.ACTIVE) | Q(is_own=True))
    wanted |= Q(state=RecordingState.DELETED) & ~Q(url="")
    due = rows.filter(wanted, Q(leased_until=None) | Q(leased_until__lt=now), due_at__lte=now)
    found = due.select_related("connection", "call")
    claimed = []
    for row in found.order_by("due_at")[:limit]:
        is_gone = row.state == RecordingState.DELETED
        # What was erased here has to go there as well, however often that is in vain.
        if row.attempts >= MOST_TRIES and not is_gone:
            _stopped_too_often(row)
            continue
        row.claim, row.leased_until, row.attempts = uuid.uuid4(), now + LEASE, row.attempts + 1
        if not is_gone:
            row.state = RecordingState.FETCHING
        row.save(update_fields=["claim", "leased_until", "attempts", "state"])
        try:
            provider = None if row.is_own else accounts.to_send(row.connection)
        except ProviderError as error:
            # It waits for the connection to be mended, whose page says what is wrong.
            _wait(row, None, error, LATER[2])
            continue
        name = _OWN_NAME if row.is_own else _NAMES[RecordingKind(row.kind)]
        claimed.append(
            ClaimedAudio(
                workspace_id, row.id, row.claim, provider, row.sid, name, row.call.conversation_id, is_gone=is_gone
            )
        )
    return claimed


def _stopped_too_often(row: CallRecording) -> None:
    conversation = conversations.lock_those_free([row.call.conversation_id]).get(row.call.conversation_id)
    if conversation is not None:
        words = f"The worker was stopped {row.attempts} times {_doing(row)} it."
        _give_up(row, conversation, words, f"Look at the worker's log, then {_again(row)} it again.")


def _doing(row: CallRecording) -> str:
    """What is done with it, in a sentence with “it”."""
    return "while storing" if row.is_own else "while fetching"


def _again(row: CallRecording) -> str:
    """The same, as something to be done."""
    return "store" if row.is_own else "fetch"


async def run(claimed: ClaimedAudio) -> None:
    """Fetch one and keep it, or delete it at its provider; whatever fails is said on the call."""
    try:
        if claimed.is_gone and claimed.provider is not None:
            await claimed.provider.delete_recording(claimed.sid)
            await in_tenant(_deleted)(claimed.workspace_id, claimed)
            return
        if claimed.provider is None:
            content = await in_tenant(own_recordings.put_together)(claimed.workspace_id, claimed.recording_id)
        else:
            content = (await claimed.provider.fetch(claimed.provider.recording_url(claimed.sid))).content
        checked = await checking.check(f"media:{claimed.workspace_id}", claimed.name, content, TAKEN)
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
        logger.exception("recording %s of workspace %s could not be dealt with", claimed.sid, claimed.workspace_id)
        await in_tenant(_broke)(claimed.workspace_id, claimed)


def _keep(claimed: ClaimedAudio, checked: Checked) -> None:
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


def _held(claimed: ClaimedAudio) -> tuple[Conversation, CallRecording] | None:
    """The locked conversation and the row, where the claim stands; None where somebody else has it, or it is gone."""
    try:
        conversation = conversations.lock(claimed.conversation_id)
    except Problem:
        return None
    rows = CallRecording.objects.select_for_update(of=("self",)).select_related("call")
    row = rows.filter(id=claimed.recording_id, claim=claimed.claim).first()
    return (conversation, row) if row is not None else None


def _enrolled(claimed: ClaimedAudio, checked: Checked) -> File | None:
    held = _held(claimed)
    if held is None or held[1].state not in _OPEN:
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


def _finish(claimed: ClaimedAudio, kept: File) -> None:
    held = _held(claimed)
    if held is None or held[1].state not in _OPEN:
        # Somebody else took it up, or it was erased meanwhile.
        File.objects.filter(id=kept.id, message=None).delete()
        return
    conversation, row = held
    message = message_of(row)
    File.objects.filter(id=kept.id).update(message=message or _anchor(conversation))
    row.state, row.reason, row.remedy, row.claim, row.leased_until = RecordingState.KEPT, "", "", None, None
    row.save(update_fields=["state", "reason", "remedy", "claim", "leased_until"])
    own_recordings.drop_parts(row.id)
    _show(conversation, row, message, attachments.file_json(kept))


def _anchor(conversation: Conversation) -> Message:
    """A file belongs to a message, or is swept: that of a whole call to its first."""
    first = Message.objects.filter(conversation=conversation).order_by("seq").first()
    if first is not None:
        return first
    new = conversations.NewMessage(author_kind=AuthorKind.SYSTEM, text="The call was recorded.")
    return conversations.post_message(conversation, new)


def _failed(claimed: ClaimedAudio, error: ProviderError) -> None:
    held = _held(claimed)
    if held is not None:
        _put_off(held[1], error, held[0])


def _broke(claimed: ClaimedAudio) -> None:
    """A fault of ours: what made it may pass, but not often."""
    held = _held(claimed)
    if held is not None:
        conversation, row = held
        is_over = row.attempts >= MOST_FAULTS
        remedy = f"The server's log says more. {_again(row).capitalize()} it again once that is mended."
        words = f"Something broke in Convoship {_doing(row)} it."
        _put_off(row, ProviderError(words, remedy, permanent=is_over), conversation)


def _refused(claimed: ClaimedAudio, problem: Problem) -> None:
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
            remedy = "Delete old ones: Channels, and a deployment's Settings tab, lead to them. "
            remedy += f"Then {_again(row)} it again."
        _put_off(row, ProviderError(words, remedy, retry_after=problem.retry_after), conversation)
        return
    if problem.code == "unsupported_media_type":
        words = "What the provider gave is no audio that is taken here."
    remedy = "Listen to it at the provider, by the recording's id."
    _give_up(row, conversation, words, "Mend that, then store it again." if row.is_own else remedy)


def _put_off(row: CallRecording, error: ProviderError, conversation: Conversation) -> None:
    ladder = (*SOON, *LATER) if error.http_status == 404 else LATER
    if row.state == RecordingState.DELETED:
        if error.http_status == 404:
            _close(row)
            return
    elif error.permanent or row.attempts > len(ladder):
        _give_up(row, conversation, error.words, error.remedy)
        return
    wait = ladder[min(row.attempts, len(ladder)) - 1]
    if error.retry_after is not None:
        wait = max(wait, dt.timedelta(seconds=min(error.retry_after, 3600)))
    _wait(row, conversation, error, wait)


def _wait(row: CallRecording, conversation: Conversation | None, error: ProviderError, wait: dt.timedelta) -> None:
    row.claim, row.leased_until, row.due_at = None, None, timezone.now() + wait
    row.reason, row.remedy = error.words[:300], error.remedy[:300]
    row.save(update_fields=["reason", "remedy", "claim", "leased_until", "due_at"])
    if conversation is not None and row.state != RecordingState.DELETED:
        told = {"reason": row.reason, "next_try_at": moment(row.due_at)}
        _show(conversation, row, message_of(row), {"state": "fetching", **told})


def _give_up(row: CallRecording, conversation: Conversation, words: str, remedy: str) -> None:
    row.state, row.claim, row.leased_until = RecordingState.FAILED, None, None
    row.reason, row.remedy = words[:300], remedy[:300]
    row.save(update_fields=["state", "reason", "remedy", "claim", "leased_until"])
    told = {"reason": row.reason, "remedy": row.remedy, "tried_at": moment(timezone.now())}
    _show(conversation, row, message_of(row), {"state": "failed", **told})


def _deleted(claimed: ClaimedAudio) -> None:
    rows = CallRecording.objects.select_for_update(of=("self",))
    row = rows.filter(id=claimed.recording_id, claim=claimed.claim).first()
    if row is not None:
        _close(row)


def _close(row: CallRecording) -> None:
    """Nothing of it is left to be deleted at its provider, as far as can be told."""
    row.url, row.claim, row.leased_until = "", None, None
    row.save(update_fields=["url", "claim", "leased_until"])


# --- In its message ---------------------------------------------------------------------------------------------------


def message_of(row: CallRecording) -> Message | None:
    """The message that a voicemail is; None of the audio of a whole call."""
    if row.kind != RecordingKind.VOICEMAIL:
        return None
    return Message.objects.filter(conversation_id=row.call.conversation_id, client_id=client_id_of(row.sid)).first()


def client_id_of(sid: str) -> str:
    """By what the message of a voicemail is known, so that telling of it again posts nothing twice."""
    return f"voicemail:{sid}"


def waiting_item(row: CallRecording) -> dict[str, Any]:
    """What stands in a voicemail's message while its audio is being fetched."""
    name = _NAMES[RecordingKind(row.kind)]
    return {"id": str(row.id), "name": name, "size": 0, "content_type": "audio/mpeg", "state": "fetching"}


def _show(conversation: Conversation, row: CallRecording, message: Message | None, item: Mapping[str, Any]) -> None:
    """Put this in the place of the audio in its message, and ring. The conversation is locked."""
    if message is not None:
        whole = {**waiting_item(row), **item} if "state" in item else dict(item)
        others = [one for one in message.attachments if one["id"] not in (str(row.id), str(row.file_id))]
        conversations.change_message(conversation, message, attachments=[*others, whole])
        if item.get("state") != "fetching":
            handoff.files_came(conversation, message)
    live.tell_team(conversation, "call")


# --- Again, and away --------------------------------------------------------------------------------------------------

# For good; or it is tried again later, and nobody has it in hand.
FAILED_SO_FAR = Q(state=RecordingState.FAILED) | (Q(state__in=_OPEN, claim=None) & ~Q(reason=""))


def fetch_again(actor: Actor, conversation_id: UUID, recording_id: UUID) -> CallRecording | None:
    """Try one that failed anew, now; None where it didn't, or is in hand again. 404 where there is none."""
    conversation = conversations.lock(conversation_id)
    ours = CallRecording.objects.filter(id=recording_id, call__conversation=conversation)
    if not ours.exists():
        raise not_found()
    row = ours.select_for_update(of=("self",)).select_related("call").filter(FAILED_SO_FAR).first()
    if row is None:
        return None
    row.state, row.attempts, row.due_at, row.reason, row.remedy = RecordingState.MADE, 0, timezone.now(), "", ""
    row.save(update_fields=["state", "attempts", "due_at", "reason", "remedy"])
    _show(conversation, row, message_of(row), {"state": "fetching"})
    audit.record(actor, "conversation.recording_fetched_again", conversation, recording=str(row.id))
    transaction.on_commit(bell.ring)
    return row


def erase(conversation_ids: Any) -> int:
    """Forget the audio of these conversations' calls; where the provider has it still, it is deleted there, too.

    How many. The files themselves go with their conversations' content.
    """
    rows = CallRecording.objects.filter(call__conversation__in=conversation_ids).exclude(state=RecordingState.DELETED)
    RecordingPart.objects.filter(recording__call__conversation__in=conversation_ids).delete()
    count = rows.update(
        state=RecordingState.DELETED,
        file=None,
        transcript="",
        reason="",
        remedy="",
        missing="",
        attempts=0,
        due_at=timezone.now(),
        claim=None,
        leased_until=None,
    )
    if count:
        transaction.on_commit(bell.ring)
    return count


def let_go(connection: Connection) -> None:
    """The connection is being deleted with its calls: what messages show of them says so, or stays; the rest goes."""
    mine = CallRecording.objects.filter(connection=connection)
    open_ones = mine.filter(state__in=_OPEN, kind=RecordingKind.VOICEMAIL)
    free = conversations.lock_those_free(open_ones.values("call__conversation"))
    for row in open_ones.filter(call__conversation__in=free).select_related("call"):
        words = "The connection that it came over was deleted."
        _give_up(row, free[row.call.conversation_id], words, "Call them back, or wait for them to call again.")
    # Of a whole call no message shows the audio, so nobody would find it any more.
    whole = mine.filter(kind=RecordingKind.RECORDING, file__isnull=False)
    File.objects.filter(id__in=list(whole.values_list("file_id", flat=True))).delete()
