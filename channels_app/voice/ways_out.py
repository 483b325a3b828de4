"""Where a call goes that the assistant does not go on with: to a person, to a message after the tone, or to a goodbye.

Each adds what is spoken and done to a response. The three that need a call hold it, inside `tenant()`.
"""

from __future__ import annotations

from twilio.twiml.voice_response import VoiceResponse

from channels_app.models import Call, CallTransfer
from channels_app.models.call import CallOutcome, CallState, StepKind, TransferManner
from channels_app.providers.twilio import twiml
from channels_app.providers.twilio.voice_config import Way
from channels_app.voice import ending, record
from channels_app.voice.asked import Asked
from channels_app.voice.words import say


def take(asked: Asked, call: Call, response: VoiceResponse, way: Way, why: str, *, outcome: str = "") -> None:
    """Go this way; where it leads nowhere, the next that does. `why` is for the call's page.

    `outcome`: how the call ends where a goodbye is all that is left.
    """
    if way == "transfer" and asked.config.can_transfer and call.goes_on:
        transfer(asked, call, response, why)
    elif way in ("transfer", "voicemail") and asked.config.voicemail and call.goes_on:
        voicemail(asked, call, response, why)
    else:
        goodbye(asked, call, response, why, outcome=outcome or CallOutcome.COMPLETED)


def transfer(asked: Asked, call: Call, response: VoiceResponse, why: str) -> None:
    """Put the call through; what comes of it is posted to `transfer-done`."""
    # The same request again is told the same, and begins nothing a second time.
    if not CallTransfer.objects.filter(call=call, ended_at=None).exists():
        call.state = CallState.TRANSFERRING
        call.save(update_fields=["state"])
        CallTransfer.objects.create(call=call, manner=TransferManner.COLD, to=asked.config.transfer_to)
        record.note(call, StepKind.TRANSFER, f"{why} Calling {asked.config.transfer_to}.", to=asked.config.transfer_to)
    twiml.said(response, say("transfer", call.language), asked.config, call.language)
    dial(asked, response)


def dial(asked: Asked, response: VoiceResponse) -> None:
    """Dial the connection's telephone, no longer than the longest call."""
    response.dial(
        asked.config.transfer_to,
        action=asked.url("transfer-done"),
        method="POST",
        timeout=twiml.DIAL_SECONDS,
        time_limit=asked.config.longest_call * 60,
    )


def voicemail(asked: Asked, call: Call, response: VoiceResponse, why: str) -> None:
    """Have a message left after the tone; it is posted to `voicemail`, and its audio to `recording`."""
    if call.state != CallState.VOICEMAIL:
        call.state = CallState.VOICEMAIL
        call.save(update_fields=["state"])
        record.note(call, StepKind.VOICEMAIL, f"{why} They were asked for a message.")
    words = asked.config.voicemail_words or say("voicemail", call.language)
    twiml.said(response, words, asked.config, call.language)
    response.record(
        action=asked.url("voicemail"),
        method="POST",
        max_length=twiml.LONGEST_MESSAGE_SECONDS,
        finish_on_key="#",
        play_beep=True,
        recording_status_callback=asked.url("recording"),
        recording_status_callback_method="POST",
    )
    # Reached where nothing was said after the tone.
    say_goodbye(asked, response, call.language)


def goodbye(
    asked: Asked, call: Call, response: VoiceResponse, why: str, *, words: str = "", outcome: str, remedy: str = ""
) -> None:
    """Say goodbye and hang up. The call has ended with this."""
    say_goodbye(asked, response, call.language, words)
    ending.end(call.id, outcome, why, remedy, is_done=False)


def say_goodbye(asked: Asked, response: VoiceResponse, language: str, words: str = "") -> None:
    """The last words, and the end."""
    twiml.said(response, words or asked.config.goodbye_words or say("goodbye", language), asked.config, language)
    response.hangup()


def without_call(asked: Asked, response: VoiceResponse, words: str) -> None:
    """Of a call that is not taken: these words, then the connection's telephone if it has one, else a goodbye."""
    twiml.said(response, words, asked.config)
    if asked.config.transfer_to:
        response.dial(asked.config.transfer_to, timeout=twiml.DIAL_SECONDS, time_limit=asked.config.longest_call * 60)
    say_goodbye(asked, response, asked.config.language)
