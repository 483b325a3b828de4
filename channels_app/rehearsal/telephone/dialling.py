"""`Dial` and `Enqueue`: other people's telephones, and the wait for one (twilio.com/docs/voice/twiml/dial)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from channels_app.rehearsal.telephone import forms
from channels_app.rehearsal.telephone.line import Moved, Next, Over, Queue, Ringing, Stopped, Waiting
from channels_app.rehearsal.telephone.twiml import Verb

if TYPE_CHECKING:
    from channels_app.rehearsal.telephone.leg import Leg

RINGS_SECONDS = 30
_MOST_NUMBERS = 10


async def dial(leg: Leg, verb: Verb, base: str) -> Next | None:
    """Join the line with another one for as long as both last; where to go on."""
    queue = next((one for one in verb.inside if one.name == "Queue"), None)
    if queue is not None:
        form = await _take_from(leg, verb, queue, base)
    else:
        form = await _call(leg, verb, base)
    return leg.onward(verb, base, form, "told how it went with the other line") if verb.get("action") else None


async def _told_and_over(leg: Leg, verb: Verb, base: str, form: dict[str, str]) -> None:
    """They are gone: the action is told, and what it answers runs nowhere."""
    if verb.get("action"):
        onward = leg.onward(verb, base, form, "told how it went with the other line")
        call = leg.facts.at("completed")
        await leg.outside.tell(call, onward.url, onward.form, method=onward.method, what=onward.what)


# --- Numbers --------------------------------------------------------------------------------------------------------


async def _call(leg: Leg, verb: Verb, base: str) -> dict[str, str]:
    nouns = [one for one in verb.inside if one.name in {"Number", "Sip", "Client"} and one.text][:_MOST_NUMBERS]
    if not nouns and verb.text:
        nouns = [Verb("Number", {}, verb.text)]
    if not nouns:
        await leg.outside.fault(leg.facts, 13201, "There is no number to dial.")
        return forms.dialled("failed", "", 0, bridged=False)
    seconds = leg.outside.pace.of_wait(verb.whole("timeout", RINGS_SECONDS))
    caller = verb.get("callerId") or leg.facts.caller
    ringing = [await _ring(leg, one, caller, base) for one in nouns]
    try:
        picked, status = await _picked(leg, ringing, seconds)
    except Stopped as stopped:
        await _end_all(ringing, "canceled")
        if isinstance(stopped, Over) and stopped.how != "dropped":
            await _told_and_over(leg, verb, base, forms.dialled("canceled", ringing[0].leg.facts.sid, 0, bridged=False))
        raise
    await _end_all([one for one in ringing if one is not picked], "no-answer" if picked is None else "canceled")
    if picked is None:
        return forms.dialled(status, ringing[0].leg.facts.sid, 0, bridged=False)
    noun = nouns[ringing.index(picked)]
    return await _whispered_and_joined(leg, verb, picked.leg, noun, base)


async def _ring(leg: Leg, noun: Verb, caller: str, base: str) -> Ringing:
    callback = leg.at(base, noun.get("statusCallback")) if noun.get("statusCallback") else ""
    events = noun.get("statusCallbackEvent") or "completed"
    return await leg.outside.ring(leg, noun.text, caller, callback, events)


async def _picked(leg: Leg, ringing: list[Ringing], seconds: float) -> tuple[Ringing | None, str]:
    """Who answers first; without one, how the last of them failed to."""
    ends, status = time.monotonic() + seconds, "no-answer"
    left = list(ringing)
    while left and (remaining := ends - time.monotonic()) > 0:
        await leg.until(
            asyncio.wait({one.picked for one in left}, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        )
        leg.forget()
        for one in [one for one in left if one.picked.done()]:
            if one.picked.result() == "answered":
                return one, "answered"
            status = one.picked.result()
            await one.leg.becomes(status)
            left.remove(one)
    return None, status


async def _end_all(ringing: list[Ringing], status: str) -> None:
    for one in ringing:
        if one.leg.facts.status not in forms.FINAL:
            one.leg.stop(Over("hung_up_on"))
            await one.leg.becomes(one.picked.result() if one.picked.done() and _is_failed(one) else status)


def _is_failed(one: Ringing) -> bool:
    return one.picked.result() in forms.FINAL


async def _whispered_and_joined(leg: Leg, verb: Verb, other: Leg, noun: Verb, base: str) -> dict[str, str]:
    """The other one has answered: what they are told before, and then both together."""
    await other.answer()
    bridged, began = False, time.monotonic()
    over: Stopped | None = None
    try:
        if noun.get("url"):
            whisper = Next(
                leg.at(base, noun.get("url")), noun.get("method", "POST").upper(), {}, "asked what to whisper"
            )
            task = asyncio.ensure_future(_whisper(other, whisper))
            try:
                accepted = await leg.until(task)
            finally:
                leg.forget()
        else:
            accepted = True
        if accepted:
            bridged, began = True, time.monotonic()
            await _together(leg, other, verb)
    except Stopped as stopped:
        over = stopped
    seconds = max(1, round(time.monotonic() - began))
    form = forms.dialled("completed", other.facts.sid, seconds, bridged=bridged)
    if not other.is_over:
        other.stop(Over("hung_up_on"))
    if other.facts.status not in forms.FINAL:
        await other.becomes("completed")
    if over is not None:
        if isinstance(over, Over) and over.how != "dropped":
            await _told_and_over(leg, verb, base, form)
        raise over
    return form


async def _whisper(other: Leg, first: Next) -> bool:
    """Whether the other one is still there, and was not hung up on, once their document is done."""
    try:
        await other.run(first)
    except Over:
        return False
    return not other.is_over


async def _together(leg: Leg, other: Leg, verb: Verb) -> None:
    """Until one of them is gone; `Stopped` where the first one is stopped."""
    leg.partner, other.partner = other, leg
    leg.outside.show("joined", who=leg.role, on=True)
    limit = verb.whole("timeLimit", 14400)
    leg.star = asyncio.Event() if verb.is_on("hangupOnStar", otherwise=False) else None
    ends: set[asyncio.Future[Any]] = {other.stopped}
    if leg.star is not None:
        ends.add(asyncio.ensure_future(leg.star.wait()))
    try:
        parted = asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        await leg.until(parted, leg.outside.pace.of_wait(limit))
    finally:
        for one in ends - {other.stopped}:
            one.cancel()
        leg.partner = other.partner = leg.star = None
        leg.outside.show("joined", who=leg.role, on=False)


# --- Queues ---------------------------------------------------------------------------------------------------------


async def enqueue(leg: Leg, verb: Verb, base: str) -> Next | None:
    """Wait in a queue until somebody takes them, they leave it, or hang up; where to go on."""
    name = verb.text or "default"
    queue = leg.outside.queues.setdefault(name, Queue(name))
    loop = asyncio.get_running_loop()
    entry = Waiting(leg, loop.create_future(), loop.create_future(), time.monotonic(), queue.sid)
    queue.waiting.append(entry)
    queue.came.set()
    leg.outside.show("queued", name=name, on=True)
    result = "leave"
    music = asyncio.ensure_future(_wait(leg, verb, base, queue, entry))
    try:
        either: set[asyncio.Future[Any]] = {music, entry.taken}
        await leg.until(asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED))
        if entry.taken.done():
            await _stopped(music)
            result = "bridged"
            await leg.until(asyncio.wait({entry.parted}))
        else:
            music.result()
    except Stopped as stopped:
        await _stopped(music)
        if isinstance(stopped, Over) and stopped.how != "dropped" and verb.get("action"):
            result = "bridged" if entry.taken.done() else "hangup"
            form = forms.queued(result, queue.sid, round(time.monotonic() - entry.began))
            onward = leg.onward(verb, base, form, "told that they left the queue")
            call = leg.facts.at("completed")
            await leg.outside.tell(call, onward.url, onward.form, method=onward.method, what=onward.what)
        raise
    finally:
        if entry in queue.waiting:
            queue.waiting.remove(entry)
        leg.outside.show("queued", name=name, on=False)
    form = forms.queued(result, queue.sid, round(time.monotonic() - entry.began))
    return leg.onward(verb, base, form, "told that they left the queue") if verb.get("action") else None


async def _stopped(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _wait(leg: Leg, verb: Verb, base: str, queue: Queue, entry: Waiting) -> None:
    """What they hear meanwhile, again and again, until a document lets them leave."""
    while True:
        if not verb.get("waitUrl"):
            await leg.play("music")
            continue
        waited = round(time.monotonic() - entry.began)
        position = 1 + list(queue.waiting).index(entry) if entry in queue.waiting else 1
        form = forms.waiting(queue.sid, position, waited, len(queue.waiting))
        method = verb.get("waitUrlMethod", "POST").upper()
        onward: Next | None = Next(leg.at(base, verb.get("waitUrl")), method, form, "asked what to play to who waits")
        spent = time.monotonic()
        while onward is not None:
            document = await leg.fetched(onward)
            if document is None:
                return
            onward = await leg.perform(document, onward.url, is_inner=True)
            if onward is not None and onward.url == "leave:":
                return
        if time.monotonic() - spent < 1:
            # A document that takes no time would be asked for without an end.
            await leg.pause(1)


async def _take_from(leg: Leg, verb: Verb, noun: Verb, base: str) -> dict[str, str]:
    """Join with who waits longest; how it went."""
    queue = leg.outside.queues.get(noun.text)
    if queue is None:
        await leg.outside.fault(leg.facts, 13215, f"There is no queue {noun.text!r}.")
        return forms.dialled("failed", "", 0, bridged=False)
    ends = time.monotonic() + leg.outside.pace.of_wait(verb.whole("timeout", RINGS_SECONDS))
    while not queue.waiting and (left := ends - time.monotonic()) > 0:
        queue.came.clear()
        await leg.until(queue.came.wait(), left)
    if not queue.waiting:
        return forms.dialled("no-answer", "", 0, bridged=False)
    entry = queue.waiting.popleft()
    entry.taken.set_result(leg)
    began = time.monotonic()
    over: Stopped | None = None
    try:
        if noun.get("url"):
            await _notice(entry, noun, base, leg)
        await _together(leg, entry.leg, verb)
    except Stopped as stopped:
        over = stopped
    finally:
        if not entry.parted.done():
            entry.parted.set_result(True)
    form = forms.dialled("completed", entry.leg.facts.sid, max(1, round(time.monotonic() - began)), bridged=True)
    if over is not None:
        if isinstance(over, Over) and over.how != "dropped":
            await _told_and_over(leg, verb, base, form)
        raise over
    return form


async def _notice(entry: Waiting, noun: Verb, base: str, by: Leg) -> None:
    """What who waited is told before they are joined."""
    form = {
        "QueueSid": entry.sid,
        "QueueTime": str(round(time.monotonic() - entry.began)),
        "DequeingCallSid": by.facts.sid,
    }
    onward = Next(
        by.at(base, noun.get("url")), noun.get("method", "POST").upper(), form, "asked what to tell who waited"
    )
    try:
        document = await entry.leg.fetched(onward)
        if document is not None:
            await entry.leg.perform(document, onward.url, is_inner=True)
    except (Over, Moved):
        return
