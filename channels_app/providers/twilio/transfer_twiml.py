"""TwiML that puts a call through, keeps it waiting, and asks a person whether they take it. Pure.

All by the SDK's `VoiceResponse`, which escapes what it is given (twilio.com/docs/voice/twiml/dial, /number, /enqueue).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twilio.twiml.voice_response import Gather, VoiceResponse

# `<Dial>` takes 5 to 600 seconds of ringing.
SHORTEST_RING, LONGEST_RING = 5, 600
CHILD_EVENTS = "initiated ringing answered completed"

# Says these words in the call's voice and language: `<Say>` below whatever it is given.
Speaks = Callable[[VoiceResponse | Gather, str], None]


@dataclass(frozen=True)
class Ringing:
    """A number that is rung: from whose number, for how many seconds, and where Twilio tells what came of it.

    `whisper`: what is asked of who picks up, before they are put through; "" puts them through at once.
    """

    to: str
    caller_id: str
    seconds: int
    action: str
    status: str
    whisper: str = ""
    most_seconds: int = 14_400


def dial(response: VoiceResponse, ringing: Ringing) -> None:
    """Ring the number, and put the call through to who answers there."""
    verb = response.dial(
        action=ringing.action,
        method="POST",
        timeout=max(SHORTEST_RING, min(ringing.seconds, LONGEST_RING)),
        caller_id=ringing.caller_id or None,
        answer_on_bridge=True,
        time_limit=max(60, min(ringing.most_seconds, 14_400)),
    )
    whisper = {"url": ringing.whisper, "method": "POST"} if ringing.whisper else {}
    verb.number(
        ringing.to,
        status_callback=ringing.status,
        status_callback_method="POST",
        status_callback_event=CHILD_EVENTS,
        **whisper,
    )


def enqueue(response: VoiceResponse, name: str, *, wait: str, action: str) -> None:
    """Keep the call in a queue: what it hears there comes from `wait`, and when it leaves `action` is asked."""
    response.enqueue(name, wait_url=wait, wait_url_method="POST", action=action, method="POST")


def hold_round(speaks: Speaks, words: str, *, again: str, key: str, seconds: int) -> VoiceResponse:
    """One round of waiting: words, then so many seconds in which a key may be pressed, then the next round."""
    response = VoiceResponse()
    gather = response.gather(input="dtmf", num_digits=1, timeout=seconds, action=key, method="POST")
    if words:
        speaks(gather, words)
    response.redirect(again, method="POST")
    return response


def leave() -> VoiceResponse:
    """Out of the queue: its `action` says what comes next."""
    response = VoiceResponse()
    response.leave()
    return response


def whisper(speaks: Speaks, words: str, invitation: str, goodbye: str, *, taken: str, seconds: int) -> VoiceResponse:
    """To who picked up: the summary and the invitation to press 1, once more, and then goodbye.

    A voicemail box presses nothing, and so is never put through.
    """
    response = VoiceResponse()
    for said in (f"{words} {invitation}", invitation):
        gather = response.gather(input="dtmf", num_digits=1, timeout=seconds, action=taken, method="POST")
        speaks(gather, said)
    speaks(response, goodbye)
    response.hangup()
    return response


def put_through() -> VoiceResponse:
    """To who took the call: nothing more, and Twilio puts them through."""
    return VoiceResponse()


def turn_away(speaks: Speaks, words: str) -> VoiceResponse:
    """To who did not take it, or came too late."""
    response = VoiceResponse()
    speaks(response, words)
    response.hangup()
    return response
