"""`Record`: what they say after the tone (twilio.com/docs/voice/twiml/record), and the file that stands for it."""

from __future__ import annotations

import io
import math
import struct
import time
import wave
from typing import TYPE_CHECKING

from channels_app.rehearsal.telephone import forms
from channels_app.rehearsal.telephone.line import Key, Next, Over, Stopped
from channels_app.rehearsal.telephone.twiml import Verb
from channels_app.rehearsal.telephone.voice import LETTERS_A_SECOND

if TYPE_CHECKING:
    from channels_app.rehearsal.telephone.leg import Leg

SILENCE_SECONDS = 5
LONGEST_SECONDS = 3600
_RATE = 8000
_MOST_HEARD_SECONDS = 30


async def record(leg: Leg, verb: Verb, base: str) -> Next | None:
    """Record until a key, a silence, or the longest; where to go on, None where nothing was said."""
    pace = leg.outside.pace
    silence = pace.of_wait(verb.whole("timeout", SILENCE_SECONDS))
    ends = time.monotonic() + pace.of_wait(verb.whole("maxLength", LONGEST_SECONDS))
    finish = verb.get("finishOnKey", "1234567890*#")
    said: list[str] = []
    ended_by, over = "", None
    leg.forget()
    leg.outside.show("records", who=leg.role, on=True, beep=verb.is_on("playBeep", otherwise=True))
    try:
        while (left := ends - time.monotonic()) > 0:
            heard = await leg.listen(min(silence, left))
            if heard is None:
                break
            if isinstance(heard, Key):
                if heard.key in finish:
                    ended_by = heard.key
                    break
                continue
            said.append(heard.words)
    except Stopped as stopped:
        over = stopped
        ended_by = "hangup"
    finally:
        leg.outside.show("records", who=leg.role, on=False, beep=False)
        leg.late_keys = finish
    if (isinstance(over, Over) and over.how == "dropped") or (over is not None and not isinstance(over, Over)):
        raise over
    words = " ".join(said)
    onward = None
    if words:
        onward = await _kept(leg, verb, base, words, ended_by)
    if over is not None:
        if onward is not None:
            call = leg.facts.at("completed")
            await leg.outside.tell(call, onward.url, onward.form, method=onward.method, what=onward.what)
        raise over
    return onward


async def _kept(leg: Leg, verb: Verb, base: str, words: str, ended_by: str) -> Next:
    seconds = max(1, round(len(words) / LETTERS_A_SECOND))
    sid, url = await leg.outside.keep_recording(leg.facts, seconds, words)
    if callback := verb.get("recordingStatusCallback"):
        form = forms.recording_done(sid, url, seconds, "RecordVerb", 1, leg.outside.now())
        method = verb.get("recordingStatusCallbackMethod", "POST").upper()
        await leg.outside.tell(leg.facts, leg.at(base, callback), form, method=method, what="told of the recording")
    if callback := verb.get("transcribeCallback"):
        form = forms.transcribed(sid, url, words)
        await leg.outside.tell(leg.facts, leg.at(base, callback), form, method="POST", what="told what was recorded")
    return leg.onward(verb, base, forms.recorded(sid, url, seconds, ended_by), "told of what was recorded")


def tone(seconds: int) -> bytes:
    """A WAV file of so many seconds: a soft tone that stands for what was said."""
    count = _RATE * min(max(seconds, 1), _MOST_HEARD_SECONDS)
    step = 2 * math.pi * 330 / _RATE
    one = [int(2000 * math.sin(step * at) * (1 if at % _RATE < _RATE // 5 else 0)) for at in range(_RATE)]
    second = struct.pack(f"<{_RATE}h", *one)
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(second * (count // _RATE))
    return made.getvalue()
