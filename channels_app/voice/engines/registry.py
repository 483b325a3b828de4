"""The speech engines by name: what pages say of each, and each made once for an event loop and a configuration.

A configuration is `{engine, model?, voice?, base_url?}`, the `stt` or `tts` of a connection's `speech`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import Any, cast
from weakref import WeakKeyDictionary

from channels_app.voice.engines import installed, vad
from channels_app.voice.engines.base import EngineFailed, FaultKind, SpeechToText, TextToSpeech
from channels_app.voice.engines.languages import primary
from channels_app.voice.engines.use import Used

logger = logging.getLogger(__name__)

IDLE_SECONDS = 300.0
Config = Mapping[str, str]


@dataclass(frozen=True)
class Side:
    """What can be chosen for hearing, or for speaking. `choices`: models, or voices. `languages`: none means many."""

    choices: tuple[str, ...]
    default: str
    languages: tuple[str, ...] = ()
    takes_others: bool = False

    def knows(self, language: str) -> bool:
        """Whether it can be used in a language (BCP 47), as far as is known beforehand."""
        return not self.languages or primary(language) in self.languages


@dataclass(frozen=True)
class Engine:
    """One engine, as pages show it. `hears`, `speaks`: None where it doesn't."""

    name: str
    label: str
    about: str
    module: str
    hears: Side | None = None
    speaks: Side | None = None
    needs_key: bool = False

    @property
    def is_local(self) -> bool:
        """Whether it runs on this server, so that nobody else hears the calls."""
        return self.module.endswith("_local")


ENGINES: Mapping[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine(
            "deepgram",
            "Deepgram",
            "Hears many languages while the caller speaks. The best choice for hearing.",
            "deepgram",
            hears=Side(("nova-3", "nova-2-phonecall", "nova-2"), "nova-3", takes_others=True),
            needs_key=True,
        ),
        Engine(
            "elevenlabs",
            "ElevenLabs",
            "Speaks many languages in natural voices. A voice is named by its ID, which stands in your account there.",
            "elevenlabs",
            speaks=Side(("JBFqnCBsd6RMkjVDRZzb",), "JBFqnCBsd6RMkjVDRZzb", takes_others=True),
            needs_key=True,
        ),
        Engine(
            "openai",
            "OpenAI",
            "Hears and speaks many languages. It hears only once the caller pauses, so answers come a little later.",
            "openai_audio",
            hears=Side(
                ("gpt-4o-mini-transcribe", "gpt-4o-transcribe", "whisper-1"),
                "gpt-4o-mini-transcribe",
                takes_others=True,
            ),
            speaks=Side(
                ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"),
                "alloy",
                takes_others=True,
            ),
            needs_key=True,
        ),
        Engine(
            "whisper",
            "Whisper (this server)",
            "Hears English on this server, without a key, and well. It takes half a second of its processor at a time.",
            "whisper_local",
            hears=Side(("tiny.en",), "tiny.en", ("en",)),
        ),
        Engine(
            "piper",
            "Piper (this server)",
            "Speaks English on this server, without a key, in a natural voice.",
            "piper_local",
            speaks=Side(("joe",), "joe", ("en",)),
        ),
        Engine(
            "pocketsphinx",
            "pocketsphinx (this server)",
            "Hears English on this server, without a key. For trying calls: it gets much wrong.",
            "pocketsphinx_local",
            hears=Side(("en-us",), "en-us", ("en",)),
        ),
        Engine(
            "flite",
            "flite (this server)",
            "Speaks English on this server, without a key, in a robot's voice.",
            "flite_local",
            speaks=Side(("rms", "slt", "awb", "kal"), "rms", ("en",)),
        ),
    )
}
_SDKS = {
    "deepgram": "deepgram.listen.v1.client",
    "elevenlabs": "elevenlabs.client",
    "openai": "openai.resources.audio",
}
DEFAULT_STT, DEFAULT_TTS = "pocketsphinx", "flite"


def hearing() -> list[Engine]:
    """Those that hear."""
    return [engine for engine in ENGINES.values() if engine.hears]


def speaking() -> list[Engine]:
    """Those that speak."""
    return [engine for engine in ENGINES.values() if engine.speaks]


def speech_to_text(config: Config, key: str) -> SpeechToText:
    """The engine that hears with this configuration, in a running loop. Raises `EngineFailed` where there is none."""
    engine = _engine(config.get("engine") or DEFAULT_STT, config, key, lambda engine: engine.hears, "hears")
    return cast("SpeechToText", _kept(engine, "hearing", config, key))


def text_to_speech(config: Config, key: str) -> TextToSpeech:
    """The engine that speaks with this configuration, as `speech_to_text`."""
    engine = _engine(config.get("engine") or DEFAULT_TTS, config, key, lambda engine: engine.speaks, "speaks")
    return cast("TextToSpeech", _kept(engine, "speaking", config, key))


@contextmanager
def in_use(*engines: SpeechToText | TextToSpeech) -> Iterator[None]:
    """None of them is closed for want of use meanwhile: in a call on hold nobody speaks for long, and then they do."""
    with ExitStack() as uses:
        for engine in engines:
            if isinstance(engine, Used):
                uses.enter_context(engine.in_use())
        yield


async def load() -> None:
    """Load what the first call would wait seconds for, as far as it is installed. For a process of calls' sound."""
    if not installed.missing(installed.VAD):
        await vad.load()
    for name, module in _SDKS.items():
        if not installed.missing(name):
            await asyncio.to_thread(import_module, module)


async def close() -> None:
    """Close every engine of this loop: the process ends."""
    for engine in _all().values():
        await engine.close()
    _all().clear()


def _engine(name: str, config: Config, key: str, side: Callable[[Engine], Side | None], does: str) -> Engine:
    engine = ENGINES.get(name)
    if engine is None or side(engine) is None:
        known = ", ".join(one.name for one in ENGINES.values() if side(one))
        raise EngineFailed(
            FaultKind.REFUSED, f"There is no engine {name!r} that {does}.", f"Choose one of {known} in the settings."
        )
    installed.require(name, engine.label)
    # Another's `base_url` may want none.
    if engine.needs_key and not key and not config.get("base_url"):
        raise EngineFailed(FaultKind.KEY, f"{engine.label} needs a key, and none is set.", "Enter it in the settings.")
    return engine


_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Any]] = WeakKeyDictionary()


# Of a task that nobody keeps nothing may be left before it is done.
_looking: set[asyncio.Task[None]] = set()
# When each loop looks next for those that nobody uses.
_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.TimerHandle] = WeakKeyDictionary()


def _all() -> dict[tuple[str, ...], Any]:
    return _engines.setdefault(asyncio.get_running_loop(), {})


def _kept(engine: Engine, does: str, config: Config, key: str) -> Any:
    """The one there is, or a new one; the key itself is in no name."""
    chosen = tuple(f"{name}={config[name]}" for name in sorted(config) if config[name])
    name = (does, engine.name, *chosen, sha256(key.encode()).hexdigest())
    kept = _all()
    if name not in kept:
        module = import_module(f"channels_app.voice.engines.{engine.module}")
        kept[name] = getattr(module, does)(config, key)
        _look_later()
    kept[name].touch()
    return kept[name]


def _look_later() -> None:
    """Once, however many engines are made meanwhile."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        _looks.pop(loop, None)
        task = loop.create_task(close_idle())
        _looking.add(task)
        task.add_done_callback(_looking.discard)

    if loop not in _looks:
        _looks[loop] = loop.call_later(IDLE_SECONDS, look)


async def close_idle(seconds: float = IDLE_SECONDS) -> None:
    """Close those that nobody has used for so long. While there are others it looks again, by itself."""
    kept = _all()
    for name, engine in list(kept.items()):
        if not engine.users and engine.idle_seconds() >= seconds:
            del kept[name]
            try:
                await engine.close()
            except Exception:
                logger.exception("A speech engine could not be closed")
    if kept:
        _look_later()
