"""English spoken on this machine by flite (github.com/festvox/flite, Debian has it): quick, and a robot's voice."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import wave
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from pathlib import Path

from channels_app.voice.engines import installed
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.languages import require_language
from channels_app.voice.engines.use import Used
from channels_app.voice.media.resampling import to_telephone

LABEL = "flite"
# Those that are built in.
VOICES = ("rms", "slt", "awb", "kal")
SECONDS = 20.0
# A second of sound is given on at a time, so that it can begin to be played.
_PIECE = 8000


def speaking(config: Mapping[str, str], _key: str) -> Flite:
    """The engine with this voice. Raises `EngineFailed` where it is not installed or has no such voice."""
    installed.require("flite", LABEL)
    voice = config.get("voice") or VOICES[0]
    if voice not in VOICES:
        words = f"flite has no voice {voice!r}."
        raise EngineFailed(FaultKind.NOT_FOUND, words, f"Choose one of {', '.join(VOICES)}.")
    return Flite(voice)


class Flite(Used):
    """Speaks in a process for each clause, as many at once as this machine has cores."""

    def __init__(self, voice: str) -> None:
        super().__init__()
        self._voice = voice
        self._places = asyncio.Semaphore(os.cpu_count() or 1)

    async def speak(self, words: str, language: str) -> AsyncGenerator[bytes]:
        """The sound of a clause."""
        require_language(LABEL, language, ("en",))
        if not words.strip():
            return
        with self.in_use():
            async with self._places:
                wav = await self._wav(words)
            try:
                sound = await asyncio.to_thread(_telephone, wav)
            except (wave.Error, EOFError):
                raise _broken() from None
            for at in range(0, len(sound), _PIECE):
                yield sound[at : at + _PIECE]

    async def _wav(self, words: str) -> bytes:
        """The words go in by its input, as what a caller hears is not for the list of processes."""
        with tempfile.TemporaryDirectory(prefix="convoship-flite-") as folder:
            file = Path(folder) / "speech.wav"
            try:
                process = await asyncio.create_subprocess_exec(
                    *("flite", "-voice", self._voice, "-f", "-", "-o", str(file)),
                    env={"PATH": os.environ.get("PATH", "")},
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
            except FileNotFoundError:
                installed.require("flite", LABEL)
                raise _broken() from None
            try:
                async with asyncio.timeout(SECONDS):
                    await process.communicate(words.encode())
            except TimeoutError:
                raise EngineFailed(
                    FaultKind.TIMEOUT, "flite on this server took too long to speak.", "Try again, with fewer calls."
                ) from None
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
            if process.returncode or not file.is_file():
                raise _broken()
            return await asyncio.to_thread(file.read_bytes)

    async def close(self) -> None:
        """It holds nothing."""


def _telephone(wav: bytes) -> bytes:
    with wave.open(io.BytesIO(wav)) as sound:
        return to_telephone(sound.readframes(sound.getnframes()), sound.getframerate())


def _broken() -> EngineFailed:
    return EngineFailed(
        FaultKind.BROKEN, "flite on this server failed to speak.", "Try again; if it goes on, choose another engine."
    )
