"""Engines by name: what can be chosen, what is missing, one engine for a configuration, and none kept for nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels_app.voice.engines import installed, registry
from channels_app.voice.engines.base import EngineFailed, FaultKind
from convoship.machine.bootstrap import ROOT


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await registry.close()


def test_every_engine_says_what_it_is_and_what_it_needs() -> None:
    for name, engine in registry.ENGINES.items():
        assert engine.label
        assert engine.about.endswith(".")
        assert engine.hears or engine.speaks
        assert installed.command(name) in {"make voice", "make voice-offline"}
        for side in (engine.hears, engine.speaks):
            assert side is None or side.default in side.choices
    assert registry.DEFAULT_STT in {engine.name for engine in registry.hearing()}
    assert registry.DEFAULT_TTS in {engine.name for engine in registry.speaking()}


def test_what_the_tests_need_of_speech_is_installed() -> None:
    """Else the tests of engines would pass for want of anything to try."""
    for name in ("vad", "pocketsphinx", "flite", "deepgram", "elevenlabs", "openai"):
        assert installed.missing(name) == []


async def test_one_configuration_has_one_engine_and_another_key_another() -> None:
    flite = registry.text_to_speech({"engine": "flite", "voice": "slt"}, "")
    assert registry.text_to_speech({"voice": "slt", "engine": "flite"}, "") is flite
    assert registry.text_to_speech({"engine": "flite"}, "") is not flite
    assert registry.text_to_speech({}, "") is not flite


async def test_an_engine_that_nobody_uses_is_closed_and_one_in_use_is_not() -> None:
    flite = registry.text_to_speech({"engine": "flite"}, "")
    sound = flite.speak("Hello there, how are you?", "en")
    await anext(sound)
    await registry.close_idle(0)
    assert registry.text_to_speech({"engine": "flite"}, "") is flite
    await sound.aclose()
    await registry.close_idle(0)
    assert registry.text_to_speech({"engine": "flite"}, "") is not flite


async def test_a_call_keeps_its_engines_though_nobody_speaks_for_long() -> None:
    flite = registry.text_to_speech({"engine": "flite"}, "")
    with registry.in_use(flite):
        await registry.close_idle(0)
        assert registry.text_to_speech({"engine": "flite"}, "") is flite
    await registry.close_idle(0)
    assert registry.text_to_speech({"engine": "flite"}, "") is not flite


async def test_however_many_engines_are_made_one_timer_looks_for_those_that_nobody_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_for: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def counted(delay: float, *rest: Any) -> asyncio.TimerHandle:
        set_for.append(delay)
        return call_later(delay, *rest)

    monkeypatch.setattr(loop, "call_later", counted)
    for voice in ("rms", "slt", "awb"):
        registry.text_to_speech({"engine": "flite", "voice": voice}, "")
    assert set_for.count(registry.IDLE_SECONDS) == 1


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"engine": "parrot"}, FaultKind.REFUSED),
        ({"engine": "pocketsphinx"}, FaultKind.REFUSED),
        ({"engine": "flite", "voice": "nobody"}, FaultKind.NOT_FOUND),
    ],
)
async def test_what_cannot_be_used_is_refused_with_a_remedy(config: dict[str, str], kind: FaultKind) -> None:
    with pytest.raises(EngineFailed) as failed:
        registry.text_to_speech(config, "")
    assert failed.value.kind is kind
    assert failed.value.remedy


def test_a_process_that_needs_no_speech_loads_none_of_its_packages() -> None:
    code = (
        "import sys, channels_app.voice.engines.registry, channels_app.voice.engines.vad\n"
        "import channels_app.voice.engines.pocketsphinx_local, channels_app.voice.engines.flite_local\n"
        "print(*{'numpy', 'soxr', 'onnxruntime', 'pocketsphinx', 'deepgram', 'elevenlabs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_process_of_calls_can_load_beforehand_what_its_first_call_would_wait_for() -> None:
    code = (
        "import asyncio, sys, channels_app.voice.engines.registry as registry\n"
        "asyncio.run(registry.load())\n"
        "print(*sorted({'onnxruntime', 'elevenlabs.client', 'deepgram.listen.v1.client'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["deepgram.listen.v1.client", "elevenlabs.client", "onnxruntime"]
