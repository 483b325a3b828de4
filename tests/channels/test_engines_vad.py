"""Whether somebody speaks: onset and end within bounds, in quiet and in noise, and one model for all calls."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from channels_app.voice.engines import installed, vad
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.vad import WINDOW_SECONDS, Detector, JointDetector
from channels_app.voice.media import g711
from channels_app.voice.media.events import FRAME, RATE, SILENCE
from tests.channels.hearing import spoken

# As a line would judge: 100 ms of speech begin a turn, 300 ms of quiet end it.
OPENS, CLOSES = 3, 9


@pytest.fixture(scope="module")
def sentences() -> list[bytes]:
    import asyncio

    said = ["Hello, I would like to book a table for two.", "What are your opening hours?", "Goodbye."]
    return [asyncio.run(spoken(words)) for words in said]


def with_noise(ulaw: bytes, decibels: float | None) -> bytes:
    """White noise, so many decibels below the loud parts of the speech; none for None."""
    import numpy

    samples = numpy.frombuffer(g711.to_linear(ulaw), dtype="<i2").astype(float)
    if decibels is None:
        return ulaw
    loud = samples[abs(samples) > 300]
    power = float(numpy.sqrt((loud**2).mean())) / 10 ** (decibels / 20)
    noisy = samples + numpy.random.default_rng(7).normal(0, power, len(samples))
    return g711.to_ulaw(noisy.clip(-32768, 32767).astype("<i2").tobytes())


def voiced(ulaw: bytes) -> tuple[float, float]:
    """Where speech begins and ends in this, in seconds."""
    import numpy

    loud = numpy.nonzero(abs(numpy.frombuffer(g711.to_linear(ulaw), dtype="<i2")) > 600)[0]
    return loud[0] / RATE, (loud[-1] + 1) / RATE


def turns(ulaw: bytes) -> list[tuple[float, float]]:
    """When turns were seen to begin and to end, in seconds of the stream; fed as a call does."""
    detector, found = Detector(), []
    run, began, window = 0, None, 0
    for at in range(0, len(ulaw), FRAME):
        for probability in detector.feed(ulaw[at : at + FRAME]):
            window += 1
            is_change = probability > 0.5 if began is None else probability < 0.35
            run = run + 1 if is_change else 0
            if began is None and run == OPENS:
                began, run = window * WINDOW_SECONDS, 0
            elif began is not None and run == CLOSES:
                found.append((began, window * WINDOW_SECONDS))
                began, run = None, 0
    return found


@pytest.mark.parametrize("decibels", [None, 15, 10])
def test_turns_are_seen_to_begin_and_end_within_bounds(sentences: list[bytes], decibels: float | None) -> None:
    stream, truth = SILENCE * RATE * 3, []
    for sentence in sentences:
        first, last = voiced(sentence)
        truth.append((len(stream) / RATE + first, len(stream) / RATE + last))
        stream += sentence + SILENCE * RATE * 3
    seen = turns(with_noise(stream, decibels))
    assert len(seen) == len(truth), (seen, truth)
    for (began, ended), (first, last) in zip(seen, truth, strict=True):
        assert -0.05 <= began - first <= 0.4, (seen, truth)
        assert 0.0 <= ended - last <= 0.8, (seen, truth)


def test_nobody_speaks_in_silence_or_in_noise() -> None:
    import numpy

    noise = numpy.random.default_rng(3).normal(0, 800, RATE * 5).astype("<i2").tobytes()
    assert turns(SILENCE * RATE * 5) == []
    assert turns(g711.to_ulaw(noise)) == []


def test_calls_have_states_of_their_own_on_one_model(sentences: list[bytes]) -> None:
    alone = Detector().feed(sentences[0])
    first, second = Detector(), Detector()
    mixed: list[float] = []
    for at in range(0, len(sentences[0]), FRAME):
        mixed += first.feed(sentences[0][at : at + FRAME])
        second.feed(sentences[1][at : at + FRAME])
    assert mixed == pytest.approx(alone[: len(mixed)], abs=1e-5)
    assert first._model is second._model


@pytest.mark.asyncio
async def test_calls_judged_together_are_judged_as_alone(sentences: list[bytes]) -> None:
    # More calls than are judged in one go, whose frames come in bursts of different lengths.
    calls = [JointDetector() for _ in range(vad.MOST_AT_ONCE + 3)]
    sounds = [sentences[place % len(sentences)][place * FRAME : RATE * 2] for place in range(len(calls))]
    told: list[list[float]] = [[] for _ in calls]
    left = sum(len(sound) // vad.WINDOW for sound in sounds)
    is_all_told = asyncio.Event()

    def tell(place: int, share: float) -> None:
        nonlocal left
        left -= 1
        told[place].append(share)
        if not left:
            is_all_told.set()

    for at in range(0, 2 * RATE, 5 * FRAME):
        for place, (call, sound) in enumerate(zip(calls, sounds, strict=True)):
            call.feed(sound[at : at + 5 * FRAME], partial(tell, place))
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await is_all_told.wait()
    for sound, shares in zip(sounds, told, strict=True):
        assert shares == pytest.approx(Detector().feed(sound), abs=1e-4)


@pytest.mark.asyncio
async def test_a_fault_of_one_call_is_no_others(sentences: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    broken, whole = JointDetector(), JointDetector()
    is_told = asyncio.Event()

    def breaks(share: float) -> None:
        raise ValueError("the line of this call")

    broken.feed(sentences[0][: vad.WINDOW], breaks)
    whole.feed(sentences[0][: vad.WINDOW], lambda share: is_told.set())
    async with asyncio.timeout(10):
        await is_told.wait()
    with pytest.raises(ValueError, match="the line of this call"):
        broken.feed(sentences[0][:FRAME], breaks)
    # A fault of the model is every call's that it was to judge, and told to each.
    is_asked = asyncio.Event()

    def fails(*_: object) -> list[float]:
        is_asked.set()
        raise RuntimeError("the model")

    monkeypatch.setattr(vad._Model, "shares", fails)
    whole.feed(sentences[0][: vad.WINDOW], lambda share: None)
    async with asyncio.timeout(10):
        await is_asked.wait()
    with pytest.raises(RuntimeError, match="the model"):
        whole.feed(sentences[0][:FRAME], lambda share: None)


def test_after_a_long_quiet_it_hears_as_at_first(sentences: list[bytes]) -> None:
    quiet = SILENCE * (vad.WINDOW * round(2 / WINDOW_SECONDS + 1))
    detector = Detector()
    detector.feed(quiet * 20)
    again = detector.feed(sentences[0])
    fresh = Detector().feed(sentences[0])
    assert sum(p > 0.5 for p in again) >= 0.9 * sum(p > 0.5 for p in fresh)


def test_without_its_packages_it_says_what_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    vad._model.cache_clear()
    try:
        with pytest.raises(EngineFailed) as failed:
            Detector()
    finally:
        vad._model.cache_clear()
    assert failed.value.kind is FaultKind.MISSING
    assert "make voice" in failed.value.remedy
