"""The TwiML that opens a session over a socket: words (ConversationRelay) or sound (Media Streams).

twilio.com/docs/voice/twiml/connect/conversationrelay, twilio.com/docs/voice/twiml/stream.
"""

from __future__ import annotations

from typing import Any

from twilio.twiml.voice_response import VoiceResponse

from channels_app.providers.twilio import twiml
from channels_app.providers.twilio.voice_config import VoiceConfig

# Before a voice's name in `<Say>`, and what ConversationRelay calls who speaks with it.
_SPEAKERS = {"Polly.": "Amazon", "Google.": "Google", "ElevenLabs.": "ElevenLabs"}


def relayed(
    response: VoiceResponse,
    config: VoiceConfig,
    *,
    url: str,
    action: str,
    parameters: dict[str, str],
    language: str = "",
) -> None:
    """Listen and speak word by word over the socket at `url`; once it is over, `action` is asked what comes next.

    `parameters` come back in the session's first frame. A voice of the connection's speaks its language alone; for
    another one Twilio chooses. Who may not interrupt is not heard before we are done.
    """
    is_own = not language or language.casefold() == config.language.casefold()
    more: dict[str, Any] = {}
    if config.voice and is_own:
        begins = next((one for one in _SPEAKERS if config.voice.startswith(one)), "")
        more["voice"] = config.voice.removeprefix(begins)
        if begins:
            more["tts_provider"] = _SPEAKERS[begins]
    if config.hints:
        more["hints"] = twiml.clean(config.hints)
    relay = response.connect(action=action, method="POST").conversation_relay(
        url=url,
        language=language or config.language,
        interruptible="any" if config.barge_in else "none",
        dtmf_detection=True,
        # Somebody who speaks is not silent, and is not asked to hold on.
        partial_prompts=True,
        **more,
    )
    for name, value in parameters.items():
        relay.parameter(name=name, value=value)


def streamed(response: VoiceResponse, *, url: str, action: str, parameters: dict[str, str]) -> None:
    """Send the call's sound to the socket at `url` and play what comes back; once it is closed, ask `action`.

    `<Stream>` tells nobody what became of it, so that comes as the next verb: Twilio goes on with it when the socket
    could not be opened, broke, or was closed by us.
    """
    stream = response.connect().stream(url=url)
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    response.redirect(action, method="POST")
