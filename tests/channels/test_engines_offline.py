"""The natural pair of this machine, which `make voice-offline` brings: it converses, or says what brings it.

Tests don't need it, as one wheel of a single maintainer is not to be what they stand on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from channels_app.voice.engines import installed, registry
from channels_app.voice.engines.base import EngineFailed, FaultKind
from tests.channels.hearing import BOOKING, LOOP_HELD, hearing, loop_watched, share_heard, spoken


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await registry.close()


async def test_whisper_hears_or_says_what_brings_it() -> None:
    if installed.missing("whisper"):
        with pytest.raises(EngineFailed) as failed:
            registry.speech_to_text({"engine": "whisper"}, "")
        told_to_install(failed.value)
        return
    async with hearing(registry.speech_to_text({"engine": "whisper"}, "")) as ear:
        sound = await spoken(BOOKING)
        assert share_heard(BOOKING, await ear.say(sound)) >= 0.8
        with loop_watched() as held:
            assert share_heard(BOOKING, await ear.say(sound)) >= 0.8
        assert held.longest < LOOP_HELD


async def test_piper_speaks_or_says_what_brings_it() -> None:
    if installed.missing("piper"):
        with pytest.raises(EngineFailed) as failed:
            registry.text_to_speech({"engine": "piper"}, "")
        told_to_install(failed.value)
        return
    piper = registry.text_to_speech({"engine": "piper"}, "")
    pieces = [piece async for piece in piper.speak(f"{BOOKING} Thank you.", "en-US")]
    assert len(pieces) == 2
    if not installed.missing("whisper"):
        async with hearing(registry.speech_to_text({"engine": "whisper"}, "")) as ear:
            assert share_heard(BOOKING, await ear.say(pieces[0])) >= 0.8


def told_to_install(failed: EngineFailed) -> None:
    assert failed.kind is FaultKind.MISSING
    assert "make voice-offline" in failed.remedy
