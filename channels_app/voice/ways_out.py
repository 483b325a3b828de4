"""Where a call goes that the assistant does not go on with: to a person, to a message after the tone, or to a goodbye.

Each adds what is spoken and done to a response. The three that need a call hold it, inside `tenant()`.
"""

from __future__ import annotations

from twilio.twiml.voice_response import VoiceResponse

from channels_app.models import Call
from channels_app.models.call import CallOutcome, StepKind
from channels_app.providers.twilio import twiml
from channels_app.providers.twilio.voice_config import Way
from channels_app.voice import courses, ending, handing_over, voicemail
from channels_app.voice.asked import Asked
from channels_app.voice.words import say
from deployments import handoff
from deployments.models.conversation import Control
from deployments.models.handoff import HandoffCause

# Twilio's own bound of a dialled call (twilio.com/docs/voice/twiml/dial#timelimit).
LONGEST_DIAL_SECONDS = 14_400


def take(
    asked: Asked,
    call: Call,
    response: VoiceResponse,
    way: Way,
    why: str,
    *,
    outcome: str = "",
    cause: HandoffCause = HandoffCause.VISITOR,
) -> None:
    """Go this way; where it leads nowhere, the next that does. `why` is for the call's page.

    `outcome`: how the call ends where a goodbye is all that is left. `cause`: what asks for a person, if that is the
    way; where the caller did and nobody is there, the assistant may listen again.
    """
    if way == "transfer" and call.goes_on:
        if put_through(call, response, why, cause):
            return
        _tell(asked, call, response)
        way = asked.config.transfer_then if asked.config.transfer_then != "assistant" else "voicemail"
        if cause == HandoffCause.VISITOR and asked.config.transfer_then == "assistant" and call.conversation.is_active:
            action = asked.url("turn", turn=call.turn + 1)
            twiml.gathered(response, [], asked.config, action=action, language=call.language)
            return
    if way == "voicemail" and asked.config.voicemail and call.goes_on:
        voicemail.begin(asked, call, response, why)
    else:
        goodbye(asked, call, response, why, outcome=outcome or CallOutcome.COMPLETED)


def put_through(call: Call, response: VoiceResponse, why: str, cause: HandoffCause) -> bool:
    """Ask for a person, and go where the hand-over wants the call; False where nobody is there.

    Only who asked for a person themselves waits where nobody is there, as the rules say.
    """
    if not call.conversation.is_active:
        return False
    if call.conversation.control == Control.ASSISTANT:
        if cause != HandoffCause.VISITOR and not handoff.is_somebody_there(call.conversation):
            return False
        handoff.request(call.conversation, why, cause)
    is_waiting = handing_over.add_to(response, call)
    if not is_waiting:
        courses.note_vain(call)
    return is_waiting


def after_vain(asked: Asked, call: Call, response: VoiceResponse) -> bool:
    """Nobody came or was there, and the connection takes a message or says goodbye then; False: its assistant goes on.

    What became of the hand-over was said already, or is said first.
    """
    if not call.conversation.is_active or call.conversation.control != Control.ASSISTANT:
        return False
    if not courses.note_vain(call) or asked.config.transfer_then == "assistant":
        return False
    _tell(asked, call, response)
    take(asked, call, response, asked.config.transfer_then, "Nobody took the call.", outcome=CallOutcome.NO_ANSWER)
    return True


def _tell(asked: Asked, call: Call, response: VoiceResponse) -> None:
    for words in handing_over.tell(call):
        twiml.said(response, words, asked.config, call.language)


def goodbye(
    asked: Asked, call: Call, response: VoiceResponse, why: str, *, words: str = "", outcome: str, remedy: str = ""
) -> None:
    """Say goodbye and hang up. The call has ended with this."""
    said = say_goodbye(asked, response, call.language, words)
    was_going_on = call.goes_on
    ending.end(call.id, outcome, why, remedy, is_done=False)
    if was_going_on:
        note_goodbye(call, said)


def note_goodbye(call: Call, words: str) -> None:
    """The last words of a call, which are no message, stand with its end."""
    step = call.steps.filter(kind=StepKind.ENDED).first()
    if step is not None and "said" not in step.data:
        step.words = f"{step.words} Said last: “{words}”"[:500]
        step.data["said"] = words[:500]
        step.save(update_fields=["words", "data"])


def say_goodbye(asked: Asked, response: VoiceResponse, language: str, words: str = "") -> str:
    """The last words, which it gives back, and the end."""
    last = words or asked.config.goodbye_words or say("goodbye", language)
    twiml.said(response, last, asked.config, language)
    response.hangup()
    return last


def without_call(asked: Asked, response: VoiceResponse, words: str, *, may_dial: bool = True) -> None:
    """Of a call that is not taken: these words, then the connection's telephone if it has one, else a goodbye.

    `may_dial`: not where the day's minutes are the reason, for these would be as well.
    """
    twiml.said(response, words, asked.config)
    if may_dial and asked.config.transfer_to and asked.config.transfer_to != asked.config.number:
        response.dial(
            asked.config.transfer_to,
            caller_id=asked.config.number or None,
            timeout=twiml.DIAL_SECONDS,
            time_limit=min(asked.config.longest_call * 60, LONGEST_DIAL_SECONDS),
        )
    say_goodbye(asked, response, asked.config.language)
