"""What a connection's config says of speech: which engines hear and speak, and what this server lacks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_app.voice.engines import installed, registry
from channels_app.voice.engines.base import EngineFailed

# The names of the credentials that engines take.
STT_KEY, TTS_KEY = "stt_api_key", "tts_api_key"


def part_of(config: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    """The config of what hears ("stt") or of what speaks ("tts")."""
    speech = config.get("speech") or {}
    found: Mapping[str, Any] = speech.get(which) or {}
    return found


def names(config: Mapping[str, Any]) -> tuple[str, str]:
    """The engine that hears, and the one that speaks."""
    ear = part_of(config, "stt").get("engine") or registry.DEFAULT_STT
    return ear, part_of(config, "tts").get("engine") or registry.DEFAULT_TTS


def sent_to(config: Mapping[str, Any], credential: str) -> str:
    """The address of somebody's own that this credential is sent to; "" for the engine's company's, or none."""
    sides = {STT_KEY: "stt", TTS_KEY: "tts"}
    return str(part_of(config, sides[credential]).get("base_url") or "") if credential in sides else ""


def label(name: str) -> str:
    """What an engine is called on pages."""
    engine = registry.ENGINES.get(name)
    return engine.label if engine is not None else name


def words_of(config: Mapping[str, Any]) -> str:
    """What hears and what speaks, in a line of the call's story."""
    ear, mouth = names(config)
    return f"Its sound is ours: {label(ear)} hears, {label(mouth)} speaks."


def missing(config: Mapping[str, Any]) -> EngineFailed | None:
    """What this server lacks to hear and speak as this config says; None where it lacks nothing."""
    try:
        installed.require(installed.VAD, "What tells speech from silence")
        for name in names(config):
            installed.require(name, label(name))
    except EngineFailed as absent:
        return absent
    return None
