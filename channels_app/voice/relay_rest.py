"""What is left of an answer that began over the relay and is told otherwise: nobody hears the same words twice.

When a session ends in a turn, a step of the call keeps what was heard in that turn (`note`). Whatever asks afterwards
what was said in it (`hearing.given`) gets what is left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from channels_app.models import Call, CallSpeech, CallStep, CallTurn
from channels_app.models.call import SpeechState
from channels_app.voice import record

# The data of such a step: the turn's number, and what was heard in it; None: all that was to be heard.
TURN, HEARD = "relay_turn", "relay_heard"
_ENDS = re.compile(r"[.!?\u2026:]+[\"'\u201d\u2019)]*\s+|[\u3002\uff01\uff1f]+\s*|\n+")


def note(call: Call, kind: str, words: str, remedy: str, heard: str | None, **data: object) -> None:
    """The session has ended in this turn, in which so much was heard."""
    record.note(call, kind, words, remedy, **{TURN: call.turn, HEARD: heard}, **data)


def left_of(call: Call, turn: CallTurn, speeches: Sequence[CallSpeech]) -> list[str]:
    """The words of these speeches of a turn, in their order, without what was heard over the relay."""
    step = CallStep.objects.filter(call=call, **{f"data__{TURN}": turn.number}).order_by("-at").first()
    if step is None:
        return [row.whole for row in speeches]
    heard = step.data.get(HEARD)
    if heard is None:
        return []
    # What the caller spoke over was given up then.
    return left([row.whole for row in speeches if row.state == SpeechState.SPOKEN], heard)


def left(texts: Sequence[str], heard: str) -> list[str]:
    """What is left of texts of which so much was heard: from the beginning of the sentence in which it broke off.

    An answer that was made anew, in other words, is left whole.
    """
    found = []
    for text in texts:
        words, heard = left_of_one(text, heard)
        found.append(words)
    return [text for text in found if text.strip()]


def left_of_one(text: str, heard: str) -> tuple[str, str]:
    """The same of one text, and what was heard beyond it."""
    rest, letters = _letters(heard), _letters(text)
    if not rest:
        return text, ""
    if rest.startswith(letters):
        return "", rest[len(letters) :]
    if letters.startswith(rest):
        return text[_begins(text, len(rest)) :], ""
    return text, ""


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _begins(text: str, letters: int) -> int:
    """Where the sentence begins that holds what comes after so many letters."""
    at = 0
    for place, character in enumerate(text):
        at = place
        if letters <= 0 and character.isalnum():
            break
        letters -= len(_letters(character))
    ends = [found.end() for found in _ENDS.finditer(text) if found.end() <= at]
    return ends[-1] if ends else 0
