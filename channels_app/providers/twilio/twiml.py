"""What Twilio is told to do in a call: TwiML, all of it by the SDK, which escapes whatever callers and models made.

The SDK writes XML, but lets characters pass that no XML may hold; `clean` leaves them out. One `<Say>` takes 4096
characters (twilio.com/docs/voice/twiml/say): a longer text is said in several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from channels_app.providers.twilio.voice_config import VoiceConfig

LONGEST_SAY = 3000
CONTENT_TYPE = "text/xml"
# Rings before a dialled telephone counts as unanswered.
DIAL_SECONDS = 25
# XML 1.0, 2.2: all that may not stand in a document.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENDS = re.compile(r"(?<=[.!?:;\u3002])\s+|\n+")


def clean(text: str) -> str:
    """The text without what XML can't hold."""
    return _NOT_XML.sub("", text)


def pieces(text: str, longest: int = LONGEST_SAY) -> list[str]:
    """A text in pieces that one `<Say>` takes, cut after sentences where that can be done."""
    found, piece = list[str](), ""
    for sentence in _ENDS.split(clean(text).strip()):
        while len(sentence) > longest:
            cut = sentence.rfind(" ", 0, longest)
            cut = cut if cut > 0 else longest
            found += [piece] if piece else []
            piece = ""
            found.append(sentence[:cut])
            sentence = sentence[cut:].strip()
        if piece and len(piece) + 1 + len(sentence) > longest:
            found.append(piece)
            piece = ""
        piece = f"{piece} {sentence}".strip()
    return found + ([piece] if piece else [])


def said(to: VoiceResponse | Gather | Dial, words: str, config: VoiceConfig, language: str = "") -> None:
    """Have these words spoken with the connection's voice; in another language with Twilio's own for it."""
    is_own = not language or language.casefold() == config.language.casefold()
    more: dict[str, Any] = {"voice": config.voice} if config.voice and is_own else {}
    for piece in pieces(words):
        to.say(piece, language=language or config.language, **more)


def gathered(
    response: VoiceResponse,
    words: Iterable[str],
    config: VoiceConfig,
    *,
    action: str,
    language: str = "",
    one_key: bool = False,
) -> None:
    """Speak these words and listen: what is heard or pressed is posted to `action`, and a silence, too.

    `one_key`: a single key is the whole entry; otherwise # or a silence ends it.
    """
    more: dict[str, Any] = {"hints": clean(config.hints)} if config.hints else {}
    gather = response.gather(
        input="speech dtmf",
        action=action,
        method="POST",
        timeout=config.silence_seconds,
        speech_timeout="auto",
        language=language or config.language,
        barge_in=config.barge_in,
        action_on_empty_result=True,
        **({"num_digits": 1} if one_key else {"finish_on_key": "#"}),
        **more,
    )
    for one in words:
        said(gather, one, config, language)
    # Not reached as long as silences are posted; a call must not fall off the end of its instructions.
    response.redirect(action, method="POST")


def answered(response: VoiceResponse | str) -> HttpResponse:
    """TwiML as the answer to a request of Twilio's."""
    return HttpResponse(str(response), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def nothing() -> HttpResponse:
    """The answer to what is only reported."""
    return answered(VoiceResponse())
