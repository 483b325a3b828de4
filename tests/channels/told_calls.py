"""A telephone line with calls of every kind in it, for what is told of calls: made as rows, without any provider."""

from __future__ import annotations

import datetime as dt
import io
import math
import struct
import wave
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.utils import timezone

from channels_app import connections
from channels_app.models import (
    Call,
    CallRecording,
    CallSpeech,
    CallStep,
    CallTurn,
    Connection,
    ConversationLink,
)
from channels_app.voice import own_recordings
from convoship.lib.tenancy import tenant
from deployments import conversations, files, people
from deployments.conversations import NewMessage
from deployments.file_kinds import Checked
from deployments.models import Conversation, File, Message
from deployments.models.person import IdentityKind
from deployments.variants import Met
from tests import factories
from tests.channels.twilio_end import ACCOUNT, NUMBER, PERSON, TOKEN
from workspaces import secret_store
from workspaces.models import Workspace

# One frame of MPEG audio, often enough to be one: silence of about a second.
MP3 = (b"\xff\xfb\x90\x64" + b"\x00" * 413) * 40


def tone(seconds: int = 12) -> bytes:
    """Audio that a browser plays: a quiet tone."""
    out = io.BytesIO()
    with wave.open(out, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(8000)
        samples = (int(3000 * math.sin(2 * math.pi * 440 * at / 8000)) for at in range(8000 * seconds))
        target.writeframes(b"".join(struct.pack("<h", one) for one in samples))
    return out.getvalue()


def sid(kind: str, number: int = 1) -> str:
    """An id as Twilio makes them."""
    return f"{kind}{number:032x}"


def make_line(workspace: Workspace, name: str = "Our number", **config: Any) -> Connection:
    """A connection for calls over Twilio."""
    assistant = factories.make_assistant(workspace)
    who = factories.actor(workspace)
    with tenant(workspace.id):
        secret_store.write(who, "twilio-token", TOKEN)
        made = connections.create(
            who,
            kind="twilio_voice",
            name=name,
            assistant_id=assistant.id,
            config={"account_sid": ACCOUNT, "from_number": NUMBER, **config},
            credentials={"auth_token": "twilio-token"},
        )
    return made.connection


def failed(connection: Connection, conversation_id: Any) -> CallRecording:
    """A conversation that is a call with audio that could not be fetched. Inside `tenant()`."""
    now = timezone.now()
    call = Call.objects.create(
        connection=connection,
        conversation_id=conversation_id,
        sid=sid("CA"),
        caller=PERSON,
        called=NUMBER,
        last_sign_at=now,
        ends_by=now,
        due_at=now,
        state="ended",
        outcome="voicemail",
        ended_at=now,
    )
    row: CallRecording = CallRecording.objects.create(
        connection=connection,
        call=call,
        sid=sid("RE"),
        kind="voicemail",
        state="failed",
        reason="Twilio has no such file (404).",
        remedy="Fetch it again later.",
        due_at=now,
    )
    return row


@dataclass
class Made:
    """A call and its conversation, with what is said in it."""

    call: Call
    conversation: Conversation

    @property
    def workspace_id(self) -> Any:
        return self.call.workspace_id

    def fresh(self) -> Call:
        with tenant(self.workspace_id):
            return Call.objects.select_related("connection", "conversation").get(id=self.call.id)

    def say(self, text: str, author: str = "visitor", **more: Any) -> Message:
        """Something is said, however the call stands."""
        with tenant(self.workspace_id):
            locked = conversations.lock(self.conversation.id)
            status = "received" if author == "visitor" else "delivered"
            message = conversations.post_message(
                locked, NewMessage(author_kind=author, text=text, status=status, **more)
            )
            if author == "assistant":
                Message.objects.filter(id=message.id).update(status="delivered")
            return message

    def spoken(
        self, text: str, state: str = "spoken", heard: str | None = None, turn: CallTurn | None = None
    ) -> Message:
        """The assistant says this, and so much of it is heard."""
        message = self.say(text, "assistant")
        known = text if heard is None else heard
        with tenant(self.workspace_id):
            CallSpeech.objects.create(call=self.call, turn=turn, message=message, state=state, whole=text, heard=known)
            if state == "cut":
                Message.objects.filter(id=message.id).update(text=known)
        return message

    def turn(self, number: int, message: Message | None = None, **more: Any) -> CallTurn:
        """One turn, heard a minute ago, with its stages."""
        heard = more.pop("heard_at", timezone.now() - dt.timedelta(minutes=1))
        ms = {"responder_ms": 620, "platform_ms": 40, **more}
        first = heard + dt.timedelta(milliseconds=(ms["responder_ms"] or 0) + (ms["platform_ms"] or 0))
        with tenant(self.workspace_id):
            return CallTurn.objects.create(
                call=self.call,
                number=number,
                message=message,
                heard_at=heard,
                asked_at=heard + dt.timedelta(milliseconds=20),
                first_word_at=first,
                spoken_at=first + dt.timedelta(milliseconds=5),
                finished_at=first + dt.timedelta(seconds=2),
                **ms,
            )

    def step(self, kind: str, words: str = "", remedy: str = "", **data: Any) -> CallStep:
        with tenant(self.workspace_id):
            return CallStep.objects.create(
                call=self.call, at=timezone.now(), kind=kind, words=words, remedy=remedy, data=data
            )

    def end(self, outcome: str = "completed", reason: str = "", remedy: str = "") -> None:
        """It ends, as the product's own act would write it."""
        with tenant(self.workspace_id):
            now = timezone.now()
            Call.objects.filter(id=self.call.id).update(
                state="ended", outcome=outcome, reason=reason, remedy=remedy, ended_at=now
            )
            locked = conversations.lock(self.conversation.id)
            conversations.end(locked, "completed" if outcome == "completed" else "abandoned", reason, "")

    def own_recording(self, seconds: int = 12, *, is_over: bool = True) -> UUID:
        """One that we made ourselves: a tone of theirs and one of ours, and nobody has put it together yet."""
        steps = b"\x90\x8d\x90\xff\x10\x0d\x10\x7f"
        both = bytes(one for at in range(8000) for one in (steps[at % 8], steps[at // 2 % 8]))
        with tenant(self.workspace_id):
            made = own_recordings.begin(self.call)
            for number in range(seconds):
                own_recordings.add(made, number, both)
            if is_over:
                own_recordings.end(made)
        return made

    def recording(
        self, kind: str = "recording", state: str = "kept", number: int | None = None, **more: Any
    ) -> CallRecording:
        """Audio of it, kept unless told otherwise."""
        with tenant(self.workspace_id):
            row = CallRecording.objects.create(
                connection=self.call.connection,
                call=self.call,
                sid=sid("RE", number) if number is not None else f"RE{uuid4().hex}",
                kind=kind,
                state=state,
                due_at=timezone.now(),
                url="https://api.twilio.com/x",
                **{"seconds": 12, **more},
            )
            if state != "kept":
                return row
            anchor = Message.objects.filter(conversation=self.conversation).order_by("seq").first()
            checked = Checked("Recording.wav", "audio/wav", tone())
            kept = files.enrolled(self.conversation, checked, author_kind="visitor", message=anchor)
            files.storage().save(kept.key, ContentFile(checked.content))
            File.objects.filter(id=kept.id).update(stored_at=timezone.now())
            row.file = kept
            row.save(update_fields=["file"])
            return row


def make_call(connection: Connection, caller: str = PERSON, number: int | None = None, **fields: Any) -> Made:
    """A call that goes on with the assistant."""
    now = timezone.now()
    with tenant(connection.workspace_id):
        row = Connection.objects.select_related("assistant__published").get(id=connection.id)
        assert row.assistant is not None
        conversation, _ = conversations.open_conversation(
            row.assistant,
            Met(row.assistant.published, {}),
            people.person_at([(IdentityKind.PHONE, caller)], {}),
            channel="voice",
            context={"locale": "en", "visitor_data": {}},
        )
        call_sid = sid("CA", number) if number is not None else f"CA{uuid4().hex}"
        ConversationLink.objects.create(connection=row, conversation=conversation, address=call_sid)
        call = Call.objects.create(
            connection=row,
            conversation=conversation,
            sid=call_sid,
            caller=caller,
            called=NUMBER,
            last_sign_at=now,
            ends_by=now + dt.timedelta(minutes=30),
            due_at=now + dt.timedelta(minutes=2),
            **{"state": "active", "answered_at": now - dt.timedelta(seconds=80), "language": "en-US", **fields},
        )
        began = fields.get("began_at", now - dt.timedelta(seconds=84))
        Call.objects.filter(id=call.id).update(began_at=began)
    return Made(call, conversation)


def make_story(connection: Connection) -> Made:
    """A call in which everything happened: cut off, never heard, keys, a silence, a failed transfer, a recording."""
    made = make_call(connection)
    made.step("ringing", "They called.")
    made.step("answered", "Answered.")
    made.step(
        "recording", "They agreed to be recorded, by key 1.", consent="given", keys="1", asked="May we record it?"
    )
    made.spoken("Hello, this is Ada. What can I do for you?")
    first = made.say("What are your opening hours?")
    turn = made.turn(1, first, confidence=0.91)
    made.spoken(
        "We are open from nine to five. On Saturdays we open at ten and close at two.",
        "cut",
        "We are open from nine to five.",
        turn,
    )
    made.step("interrupted", "They spoke after “from nine to five.”")
    made.turn(2, made.say("And on Sundays?"), keys="3", error="")
    made.step("dtmf", "They pressed 3.", keys="3")
    made.step("silence", "They said nothing (1 in a row).")
    made.step("relay_lost", "The socket to Twilio broke.", "Nothing to do: the call goes on sentence by sentence.")
    made.step("fallback", "It goes on sentence by sentence.")
    made.step("transfer", "They asked for a person. Calling +14155550199.")
    made.step("transfer_failed", "Nobody answered.", "Check the number in the connection's settings.")
    made.spoken("Nobody can take your call right now. I will tell them that you called.", "unheard", "")
    made.recording()
    return made
