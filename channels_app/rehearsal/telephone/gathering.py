"""`Gather`: speech and keys, with a prompt that either may stop (twilio.com/docs/voice/twiml/gather)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from channels_app.rehearsal.telephone import forms, telling
from channels_app.rehearsal.telephone.line import Heard, Next, Said
from channels_app.rehearsal.telephone.twiml import Verb

if TYPE_CHECKING:
    from channels_app.rehearsal.telephone.leg import Leg

SILENCE_SECONDS = 5
CONFIDENCE = 0.93


async def gather(leg: Leg, verb: Verb, base: str) -> Next | None:
    """Speak what stands in it, and listen; where to go on with what was given, None where nothing was."""
    ways = verb.get("input", "dtmf").split()
    takes_speech, takes_keys = "speech" in ways, "dtmf" in ways
    is_stopped_by_speech = takes_speech and verb.is_on("bargeIn", otherwise=True)

    def stops(heard: Heard) -> bool:
        return is_stopped_by_speech if isinstance(heard, Said) else takes_keys

    first: Heard | None = None
    leg.forget()
    for inner in verb.inside:
        spoken = await leg.say_verb(inner, base, stops)
        if spoken.stopped_by is not None:
            first = spoken.stopped_by
            break
    leg.outside.show("listens", who=leg.role, ways=ways, on=True)
    try:
        form = await _collected(leg, verb, first, takes_speech=takes_speech, takes_keys=takes_keys)
    finally:
        leg.outside.show("listens", who=leg.role, ways=ways, on=False)
    if form is not None:
        return leg.onward(verb, base, form, _told(form))
    if verb.is_on("actionOnEmptyResult", otherwise=False):
        return leg.onward(verb, base, forms.nothing(), "told that nothing was said")
    return None


async def _collected(
    leg: Leg, verb: Verb, first: Heard | None, *, takes_speech: bool, takes_keys: bool
) -> dict[str, str] | None:
    timeout = verb.get("timeout", str(SILENCE_SECONDS))
    seconds = leg.outside.pace.of_wait(float(timeout) if timeout.isdigit() else SILENCE_SECONDS)
    finish = verb.get("finishOnKey", "#")
    most = verb.whole("numDigits", 0)
    keys = ""
    heard, ends = first, time.monotonic() + seconds
    while True:
        if heard is None:
            left = ends - time.monotonic()
            heard = await leg.listen(left) if left > 0 else None
            if heard is None:
                return forms.pressed(keys) if keys else None
        if isinstance(heard, Said):
            if takes_speech and not keys:
                return forms.spoken(heard.words, CONFIDENCE)
            leg.outside.show("unheard", who=leg.role, text=str(heard))
        elif not takes_keys:
            leg.outside.show("unheard", who=leg.role, text=str(heard))
        else:
            if finish and heard.key in finish:
                return forms.pressed(keys, heard.key) if keys else None
            keys += heard.key
            ends = time.monotonic() + seconds
            if most and len(keys) >= most:
                return forms.pressed(keys)
        heard = None


def _told(form: dict[str, str]) -> str:
    if form.get("SpeechResult"):
        return f"told that they said {telling.quoted(form['SpeechResult'])}"
    return f"told that they pressed {form.get('Digits', '')}"
