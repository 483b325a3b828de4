"""One telephone with its calls in this process: who talks with whom, and how lines reach webhooks and the screen."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from channels_app.models import Call, Connection, RehearsalCall
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal import rehearsing
from channels_app.rehearsal.telephone import calls, forms, telling, wire
from channels_app.rehearsal.telephone.forms import FINAL, Facts
from channels_app.rehearsal.telephone.leg import NO_ANSWER, Leg, Role
from channels_app.rehearsal.telephone.line import Moved, Next, Over, Queue, RelaySocket, Reply, Ringing
from channels_app.rehearsal.telephone.twiml import Document, Verb
from channels_app.rehearsal.telephone.voice import Pace
from channels_app.rehearsal.telephone.wire import Number, Tricks
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
Show = Callable[[Mapping[str, Any]], None]
# Calls whose screen is gone go on until they are over.
_finishing: set[asyncio.Task[None]] = set()


@dataclass
class Telephone:
    """What one open screen holds. It is the outside of all its lines (`line.Outside`)."""

    workspace_id: UUID
    connection_id: UUID
    screen: Show
    pace: Pace = field(default_factory=Pace)
    tricks: Tricks = field(default_factory=Tricks)
    queues: dict[str, Queue] = field(default_factory=dict)
    holder: UUID = field(default_factory=uuid4)
    legs: dict[str, Leg] = field(default_factory=dict)
    ringing: dict[str, Ringing] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    relays: dict[str, RelaySocket] = field(default_factory=dict)
    _lines: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    _writing: asyncio.Task[None] | None = None
    _polling: asyncio.Task[None] | None = None
    _rings: set[str] = field(default_factory=set)
    # Calls whose conversation the screen knows.
    _known: set[str] = field(default_factory=set)

    # --- The telephone ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin to look for calls that ring, and for what the API wants of its own."""
        loop = asyncio.get_running_loop()
        self._writing = loop.create_task(self._write())
        self._polling = loop.create_task(self._poll())

    async def close(self) -> None:
        """The screen is gone: whoever was on the line hangs up, and what follows of that is done."""
        self.screen = _nobody
        if self._polling is not None:
            self._polling.cancel()
        for leg in list(self.legs.values()):
            leg.stop(Over("hung_up"))
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=30)
        await self._lines.join()
        if self._writing is not None:
            self._writing.cancel()

    def close_soon(self) -> None:
        """As `close`, without waiting for it."""
        task = asyncio.get_running_loop().create_task(self.close())
        _finishing.add(task)
        task.add_done_callback(_finishing.discard)

    def leg_of(self, role: str) -> Leg | None:
        """Who is at that end now: the newest whose line is up."""
        found = [leg for leg in self.legs.values() if leg.role == role and not leg.is_over]
        return found[-1] if found else None

    async def call(self, caller: str) -> None:
        """Somebody calls the number."""
        number = await self._number()
        row = await in_tenant(_begun)(
            self.workspace_id,
            self.connection_id,
            {
                "direction": "inbound",
                "caller": caller,
                "called": number.number,
                "status": "ringing",
                "account": number.account_sid,
                "holder": self.holder,
                "status_url": number.status_callback,
            },
        )
        leg = Leg(self, calls.facts(row), fallback=number.fallback_url)
        self.show("status", who="caller", sid=row.sid, status="ringing", number=number.number, other=caller)
        self._play(leg, Next(number.voice_url, "POST", {}, "told of the call"))

    async def pick(self, call_sid: str, how: str) -> None:
        """The telephone that rings is answered, busy, left alone, or not there (`failed`)."""
        if how not in {"answered", "busy", "no-answer", "failed"}:
            return
        dialled = self.ringing.get(call_sid)
        if dialled is not None:
            if not dialled.picked.done():
                dialled.picked.set_result(how)
            return
        row = await in_tenant(calls.claim)(self.workspace_id, self.connection_id, call_sid, self.holder)
        self._rings.discard(call_sid)
        if row is None:
            self.show("gone", sid=call_sid)
            return
        role: Role = "person" if self.leg_of("caller") else "caller"
        leg = Leg(self, calls.facts(row), role=role, fallback=str(row.first.get("fallback", "")))
        self.show("picked", sid=call_sid, who=role, how=how)
        if how != "answered":
            await leg.becomes(how)
            return
        first = Next(
            str(row.first.get("url", "")),
            str(row.first.get("method", "POST")),
            {},
            "told that they answered",
            str(row.first.get("twiml", "")),
        )
        self._play(leg, first, answered=True)

    async def take(self, name: str) -> None:
        """Somebody takes who waits longest in this queue."""
        queue = self.queues.get(name)
        if queue is None or not queue.waiting:
            return
        number = await self._number()
        row = await in_tenant(_begun)(
            self.workspace_id,
            self.connection_id,
            {
                "direction": "outbound-api",
                "caller": number.number,
                "called": forms.PERSON,
                "status": "ringing",
                "account": number.account_sid,
                "holder": self.holder,
            },
        )
        leg = Leg(self, calls.facts(row), role="person")
        document = Document([Verb("Dial", {}, "", [Verb("Queue", {}, name)])])
        self._play(leg, document, answered=True)

    def hang_up(self, role: str, *, drop: bool = False) -> None:
        """They hang up, or the network drops the line."""
        leg = self.leg_of(role)
        if leg is not None:
            leg.stop(Over("dropped" if drop else "hung_up"))

    @property
    def is_heard(self) -> bool:
        """Whether the caller's sound goes anywhere now."""
        leg = self.leg_of("caller")
        return leg is not None and leg.stream is not None

    def hear(self, payload: str) -> None:
        """Sound of the page's microphone; nobody's while no document wants it."""
        leg = self.leg_of("caller")
        if leg is not None and leg.stream is not None:
            leg.stream.bring(payload)

    def played(self, mark: str) -> None:
        """The page has played what came before this mark."""
        leg = self.leg_of("caller")
        if leg is not None and leg.stream is not None:
            leg.stream.played(mark)

    async def cut_relay(self) -> None:
        """Cut the socket of a relay, as a network does; the call goes on."""
        for socket in list(self.relays.values()):
            await socket.close(rudely=True)

    # --- Playing ------------------------------------------------------------------------------------------------------

    def _play(self, leg: Leg, first: Next | Document, *, answered: bool = False) -> None:
        self.legs[leg.facts.sid] = leg
        task = asyncio.get_running_loop().create_task(self._played(leg, first, answered=answered))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _played(self, leg: Leg, first: Next | Document, *, answered: bool) -> None:
        over = Over("hung_up_on")
        try:
            if answered:
                await leg.answer()
            if isinstance(first, Document):
                await leg.perform(first, "")
            else:
                await leg.run(first)
        except Over as stopped:
            over = stopped
        except Exception:
            logger.exception("the rehearsed call %s broke", leg.facts.sid)
            self.show("trouble", who=leg.role, code=0, text="The stand-in itself broke. It has been logged.")
            over = Over("failed")
        await self._ended(leg, over)

    async def _ended(self, leg: Leg, over: Over) -> None:
        leg.stop(over)
        self.legs.pop(leg.facts.sid, None)
        if leg.role == "caller" and leg.facts.sid not in self._known:
            # They were gone before the first answer came.
            await self._show_conversation(leg.facts.sid)
        if over.how == "dropped":
            await in_tenant(calls.cut)(self.workspace_id, self.connection_id, leg.facts.sid)
            self.show("ended", who=leg.role, sid=leg.facts.sid, how="dropped")
            return
        status = over.status if leg.facts.status == "in-progress" or over.status != "completed" else "no-answer"
        if leg.facts.status not in FINAL:
            await leg.becomes(status)
        self.show("ended", who=leg.role, sid=leg.facts.sid, how=over.how, seconds=leg.seconds)

    async def ring(self, parent: Leg, to: str, caller: str, callback: str, events: str) -> Ringing:
        """Call somebody else: a line that rings on this screen."""
        row = await in_tenant(_begun)(
            self.workspace_id,
            self.connection_id,
            {
                "direction": "outbound-dial",
                "caller": caller,
                "called": to,
                "status": "queued",
                "account": parent.facts.account,
                "parent": parent.facts.sid,
                "holder": self.holder,
                "status_url": callback,
                "status_events": events,
            },
        )
        leg = Leg(self, calls.facts(row), role="person")
        self.legs[row.sid] = leg
        found = Ringing(leg, asyncio.get_running_loop().create_future())
        self.ringing[row.sid] = found
        for status in ("initiated", "ringing"):
            await leg.becomes(status)
        self.show("rings", sid=row.sid, to=to, by="dial")
        return found

    # --- What the API wants -------------------------------------------------------------------------------------------

    async def _poll(self) -> None:
        while True:
            try:
                found = await in_tenant(calls.poll)(
                    self.workspace_id, self.connection_id, self.holder, tuple(self.legs)
                )
                for call_sid, order in found.orders:
                    self.obey(call_sid, order)
                await self._show_ringing(found.ringing)
                for call_sid in found.lost:
                    self.show("lost", sid=call_sid)
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.exception("a rehearsal's telephone could not look for its calls")
            await asyncio.sleep(POLL_SECONDS)

    def obey(self, call_sid: str, order: Mapping[str, Any]) -> None:
        """Do what the API was told of a call."""
        leg = self.legs.get(call_sid)
        if leg is None:
            return
        if order.get("does") == "end":
            ringing = self.ringing.get(call_sid)
            if ringing is not None and not ringing.picked.done():
                ringing.picked.set_result("canceled")
            leg.stop(Over("canceled" if order.get("status") == "canceled" else "hung_up_on"))
        else:
            url = str(order.get("url", ""))
            onward = Next(
                url,
                str(order.get("method", "POST")) or "POST",
                {},
                telling.sent_by_the_api(url),
                str(order.get("twiml", "")),
            )
            leg.stop(Moved(onward))

    async def _show_ringing(self, rows: Any) -> None:
        now = {row.sid for row in rows}
        for row in rows:
            if row.sid not in self._rings:
                for status in ("initiated", "ringing"):
                    await self.changed(calls.facts(row).at(status), None)
                self.show("rings", sid=row.sid, to=row.called, by="api")
        for gone in self._rings - now:
            self.show("gone", sid=gone)
        self._rings = now

    # --- The outside of lines (`line.Outside`) ------------------------------------------------------------------------

    @property
    def sends_partials(self) -> bool:
        """Whether what is said is told in halves first."""
        return self.tricks.partials

    def now(self) -> dt.datetime:
        """The time."""
        return timezone.now()

    def show(self, kind: str, **what: Any) -> None:
        """Tell the screen."""
        self.screen({"type": kind, **what})

    async def _number(self) -> Number:
        return await in_tenant(wire.number_of)(self.workspace_id, self.connection_id)

    async def ask(self, call: Facts, url: str, form: Mapping[str, str], *, method: str, what: str) -> Reply:
        """Ask for a document."""
        reply = await self._post(call, url, {**call.form(), **form}, method=method, what=what, kind=LineKind.ASKS)
        if not reply.is_good:
            await self.fault(call, NO_ANSWER, reply.words, told=False)
        elif not call.parent and call.sid not in self._known:
            await self._show_conversation(call.sid)
        return reply

    async def _show_conversation(self, call_sid: str) -> None:
        """Where the call can be read, as soon as Convoship has it."""
        found = await in_tenant(_conversation_of)(self.workspace_id, self.connection_id, call_sid)
        if found is not None:
            self._known.add(call_sid)
            self.show("conversation", sid=call_sid, id=str(found))

    async def tell(self, call: Facts, url: str, form: Mapping[str, str], *, method: str, what: str) -> None:
        """Tell of something."""
        await self._post(call, url, {**call.form(), **form}, method=method, what=what, kind=LineKind.REPORT)

    async def _post(
        self, call: Facts, url: str, form: Mapping[str, str], *, method: str, what: str, kind: LineKind
    ) -> Reply:
        number = await self._number()
        shown = call.caller if call.direction == "inbound" else call.called
        posting = wire.Posting(self.workspace_id, self.connection_id, number, self.tricks, self.pace, shown, call.sid)
        return await posting.post(url, form, method=method, what=what, kind=kind)

    async def changed(self, call: Facts, seconds: int | None) -> None:
        """The call is further along."""
        telling = await in_tenant(calls.further)(self.workspace_id, self.connection_id, call.sid, call.status, seconds)
        if call.status in FINAL:
            self.ringing.pop(call.sid, None)
            await self._finish_recordings(call)
            if call.sid in self.legs and call.direction == "outbound-dial":
                self.legs.pop(call.sid).stop(Over("hung_up_on"))
                self.show("ended", who="person", sid=call.sid, how=call.status)
        if telling is None:
            return
        if self.tricks.silent:
            self.show("trouble", who="caller", code=0, text=f"Not told, as you wished: {call.status}.")
            return
        status = forms.status_of(telling.number, telling.at, seconds if call.status in FINAL else None)
        await self.tell(call, telling.url, status, method="POST", what=f"told of the call: {call.status}")

    async def open_relay(self, call: Facts, url: str) -> RelaySocket:
        """Open a signed socket to our relay."""
        number = await self._number()
        socket = await wire.open_relay(url, number, self.tricks)
        self.relays[call.sid] = socket
        self._note(call, LineKind.ASKS, method="GET", url=url, answer_status=101, note="opened the call's socket")
        return socket

    async def frame(self, call: Facts, *, sent: bool, text: str, note: str = "", many: int = 1) -> None:
        """Keep a frame for the log."""
        kind = LineKind.FRAME_IN if sent else LineKind.FRAME_OUT
        self._note(
            call,
            kind,
            method="FRAME",
            url="(the call's socket)",
            body=text,
            note=telling.cut(f"{wire.told_by(text)} {note}", telling.LONGEST),
        )

    async def fault(self, call: Facts, code: int, words: str, *, told: bool = True) -> None:
        """Twilio's log has an error more."""
        await in_tenant(calls.add_fault)(self.workspace_id, self.connection_id, call.sid, code, words)
        if told:
            self.show("trouble", who="caller", code=code, text=words)

    async def start_recording(self, call: Facts, callback: str) -> None:
        """Both sides are recorded from now on."""
        recording = {**_recording("StartRecordingVerb", 2), "url": callback}
        await in_tenant(calls.add_recording)(self.workspace_id, self.connection_id, call.sid, recording)
        self.show("recording", sid=call.sid, on=True)

    async def keep_recording(self, call: Facts, seconds: int, words: str) -> tuple[str, str]:
        """What `Record` has recorded."""
        recording = {**_recording("RecordVerb", 1), "seconds": seconds, "words": words, "is_done": True, "told": True}
        await in_tenant(calls.add_recording)(self.workspace_id, self.connection_id, call.sid, recording)
        number = await self._number()
        return str(recording["sid"]), f"{number.root}/Recordings/{recording['sid']}"

    async def _finish_recordings(self, call: Facts) -> None:
        row = await in_tenant(calls.look)(self.workspace_id, self.connection_id, call.sid)
        number = await self._number()
        for one in row.recordings if row is not None else ():
            if one.get("told"):
                continue
            began = dt.datetime.fromisoformat(one["began"])
            seconds = int(one.get("seconds") or max(1, round((self.now() - began).total_seconds())))
            await in_tenant(_told)(self.workspace_id, self.connection_id, call.sid, one["sid"], seconds)
            if one.get("url"):
                url = f"{number.root}/Recordings/{one['sid']}"
                form = forms.recording_done(one["sid"], url, seconds, one["source"], one["channels"], began)
                await self.tell(call, one["url"], form, method="POST", what="told of the recording")

    # --- The log ------------------------------------------------------------------------------------------------------

    def _note(self, call: Facts, kind: LineKind, **values: Any) -> None:
        shown = call.caller if call.direction == "inbound" else call.called
        self._lines.put_nowait({"kind": kind, "address": shown, "provider_id": call.sid, **values})

    async def _write(self) -> None:
        while True:
            batch = [await self._lines.get()]
            while not self._lines.empty():
                batch.append(self._lines.get_nowait())
            try:
                await in_tenant(_noted)(self.workspace_id, self.connection_id, batch)
            except Exception:
                logger.exception("lines of a rehearsed call were not kept")
            for _ in batch:
                self._lines.task_done()


def _nobody(_: Mapping[str, Any]) -> None:
    """The screen that is gone."""


def _recording(source: str, channels: int) -> dict[str, Any]:
    return {
        "sid": forms.sid("RE"),
        "began": timezone.now().isoformat(),
        "seconds": None,
        "words": "",
        "source": source,
        "channels": channels,
        "url": "",
        "is_done": False,
        "told": False,
    }


def _begun(connection_id: UUID, values: Mapping[str, Any]) -> RehearsalCall:
    return calls.begin(Connection.objects.get(id=connection_id, is_rehearsal=True), **values)


def _conversation_of(connection_id: UUID, call_sid: str) -> UUID | None:
    calls_here = Call.objects.filter(connection_id=connection_id, sid=call_sid)
    return calls_here.values_list("conversation_id", flat=True).first()


def _told(connection_id: UUID, call_sid: str, recording_sid: str, seconds: int) -> None:
    row = RehearsalCall.objects.select_for_update().get(connection_id=connection_id, sid=call_sid)
    row.recordings = [
        {**one, "told": True, "is_done": True, "seconds": seconds} if one["sid"] == recording_sid else one
        for one in row.recordings
    ]
    row.save(update_fields=["recordings"])


def _noted(connection_id: UUID, batch: list[dict[str, Any]]) -> None:
    connection = Connection.objects.get(id=connection_id, is_rehearsal=True)
    for values in batch:
        body = str(values.pop("body", ""))[: rehearsing.SHOWN_BODY]
        rehearsing.note(connection, body=body, **values)
