"""What callers heard: messages wait in their conversation until they are spoken, each marked by what became of it.

Nothing of a spoken call goes into the outbox. `ConversationLink.told_seq` says up to where it was spoken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from channels_app import bell
from channels_app.models import Call, CallSpeech, CallTurn, ConversationLink
from channels_app.models.call import CallState, SpeechState
from channels_app.voice import relay_rest
from channels_app.voice.speaking import spoken
from convoship.lib import rows
from deployments import conversations
from deployments.models import Conversation, Message
from deployments.models.conversation import MessageStatus

# A call whose conversation was ended elsewhere says its last words by itself; after this it is hung up.
HANG_UP_AFTER = dt.timedelta(seconds=20)
# Voices speak 12 to 16.
CHARACTERS_A_SECOND = 10


def on_posted(link: ConversationLink, conversation: Conversation) -> None:
    """Something was posted to a call's conversation, or its state changed: one that is over has to be hung up."""
    stands = (conversation.is_active, conversation.control, conversation.status)
    if stands == (link.is_current, link.told_control, link.told_status):
        return
    link.is_current, link.told_control, link.told_status = stands
    link.save(update_fields=["is_current", "told_control", "told_status"])
    if not conversation.is_active:
        going_on = Call.objects.filter(conversation=conversation).exclude(state=CallState.ENDED)
        going_on.update(due_at=timezone.now() + HANG_UP_AFTER)
        transaction.on_commit(bell.ring)


def last_words(call: Call, words: Sequence[str]) -> None:
    """They were given to the provider, with its hanging up after them: it is not hung up before they are spoken."""
    seconds = sum(map(len, words)) / CHARACTERS_A_SECOND
    Call.objects.filter(id=call.id).update(due_at=timezone.now() + HANG_UP_AFTER + dt.timedelta(seconds=seconds))


def unheard(call: Call) -> list[Message]:
    """What waits to be spoken in a held call, in order."""
    # As `calls.unsaid` says, in one statement with the link: every turn asks.
    condition = (
        "t.conversation_id = %s AND t.status = 'queued' AND t.author_kind <> 'visitor' AND t.seq >"
        " (SELECT told_seq FROM channels_app_conversationlink WHERE conversation_id = %s) ORDER BY t.seq"
    )
    return rows.where(Message, condition, [call.conversation_id, call.conversation_id])


def give(call: Call, turn: CallTurn | None, messages: Sequence[Message]) -> list[CallSpeech]:
    """Note that these messages of a held call are being spoken, as its words are given to the provider now."""
    if not messages:
        return []
    speeches = [speech_of(call, turn, message) for message in messages]
    CallSpeech.objects.bulk_create(speeches)
    for message in messages:
        conversations.change_message(call.conversation, message, status=MessageStatus.DELIVERED)
    ConversationLink.objects.filter(conversation=call.conversation_id).update(told_seq=messages[-1].seq)
    return speeches


def speech_of(call: Call, turn: CallTurn | None, message: Message, state: str = SpeechState.SPOKEN) -> CallSpeech:
    """How a message is spoken in this call; not stored yet."""
    whole = spoken(message, call.language)
    heard = whole if state == SpeechState.SPOKEN else ""
    return CallSpeech(
        call=call, turn=turn, message=message, state=state, whole=whole, heard=heard, workspace_id=call.workspace_id
    )


def given(call: Call, turn: CallTurn) -> list[str]:
    """What was spoken in answer to a turn, message by message, as it is said again to the same request."""
    spoken_before = CallSpeech.objects.filter(call=call, turn=turn).order_by("message__seq")
    return relay_rest.left_of(call, turn, list(spoken_before))


def give_up(call: Call) -> None:
    """Of a held call that is over: what was never spoken is marked so; its messages are `calls.hang_up`'s."""
    left = unheard(call)
    CallSpeech.objects.bulk_create(
        [speech_of(call, None, message, SpeechState.UNHEARD) for message in left], ignore_conflicts=True
    )
