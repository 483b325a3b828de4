"""The two ports of speech: `SpeechToText` hears, `TextToSpeech` speaks. Sound is mu-law, 8 kHz, one byte a sample.

An engine is made once for a process and a configuration; what belongs to one call is a `Listening` or the generator of
one `speak`. Nothing here knows of calls, and nothing blocks the event loop: engines that compute do so in a pool.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from convoship.lib.plain_errors import shown

LONGEST_WORDS = 500


class FaultKind(StrEnum):
    """Why an engine did not do it; each has a remedy of its own."""

    MISSING = "missing"  # its package is not installed
    KEY = "key"
    QUOTA = "quota"
    NOT_FOUND = "not_found"  # no such model or voice
    REFUSED = "refused"  # it won't take this: a language, a text
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    BROKEN = "broken"  # answered with nonsense, or broke off


class EngineFailed(Exception):
    """An engine did not do what it should. `words` and `remedy` are for people and hold no secret.

    They may tell what a stranger's server wrote, which is shown and kept: without what can't be.
    """

    def __init__(self, kind: FaultKind, words: str, remedy: str = "") -> None:
        super().__init__(words)
        self.kind, self.words, self.remedy = kind, shown(words, LONGEST_WORDS), shown(remedy, LONGEST_WORDS)


@dataclass(frozen=True)
class Transcript:
    """What was heard.

    What isn't final replaces what was told since the last final one; finals add up. `ends_turn`: the engine itself
    judges that the caller is done (with a final, be it an empty one).
    """

    text: str
    is_final: bool
    ends_turn: bool = False


class Listening(Protocol):
    """One call's ear. It begins to hear at once; `feed` and `flush` never wait."""

    def feed(self, ulaw: bytes) -> None:
        """The next of the caller's sound, silence included, in order."""

    def flush(self) -> None:
        """The caller paused: tell what was said up to here as final, soon. With nothing heard, an empty final."""

    def __aiter__(self) -> AsyncIterator[Transcript]:
        """What is heard, until it is closed. Raises `EngineFailed` where it hears no more."""

    async def close(self) -> None:
        """Hear no more; the iteration ends. Good more than once."""


class SpeechToText(Protocol):
    """Hears calls."""

    async def listen(self, language: str) -> Listening:
        """Begin to hear one call, in this language (BCP 47). Raises `EngineFailed`."""

    async def close(self) -> None:
        """Let go of what it holds: connections, pools."""


class TextToSpeech(Protocol):
    """Speaks to callers."""

    def speak(self, words: str, language: str) -> AsyncGenerator[bytes]:
        """The sound of a clause or sentence, as soon as each part of it is there. Raises `EngineFailed`.

        Closing the generator (`aclose`) ends the work at once.
        """

    async def close(self) -> None:
        """Let go of what it holds."""
