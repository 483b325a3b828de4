"""The engines that need no key: what flite says, pocketsphinx hears; both let the event loop go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from channels_app.voice.engines import hearing_pool, registry
from channels_app.voice.engines.base import EngineFailed, FaultKind, Transcript
from channels_app.voice.engines.flite_local import Flite
from channels_app.voice.engines.pocketsphinx_local import PocketSphinx
from channels_app.voice.media.events import RATE, SILENCE
from tests.channels import speech_hosts
from tests.channels.hearing import BOOKING, HOURS, LOOP_HELD, QUIET, feed, hearing, loop_watched, share_heard, spoken

# One loop for all: the process that hears takes seconds to start on a busy machine.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[PocketSphinx]:
    """With one process, so that calls have to take turns."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hearing_pool, "WAIT_SECONDS", 120.0)
        patched.setattr(hearing_pool, "START_SECONDS", 120.0)
        made = PocketSphinx(1)
        yield made
        await made.close()
        await registry.close()


async def test_what_flite_says_pocketsphinx_hears_with_partials_and_one_final(engine: PocketSphinx) -> None:
    async with hearing(engine) as ear:
        assert share_heard(BOOKING, await ear.say(await spoken(BOOKING))) >= 0.8
        assert ear.partials
        assert ear.partials == list(dict.fromkeys(ear.partials))
        assert share_heard(HOURS, await ear.say(await spoken(HOURS))) >= 0.8


async def test_sound_of_any_length_is_heard_be_it_a_single_sample() -> None:
    ear = speech_hosts.decoder()
    assert [ear.hear(SILENCE * length) for length in (1, 1, 2, 160, 1)] == [""] * 5
    assert ear.finish() == ""
    assert ear.finish() == ""


async def test_quiet_that_ends_is_an_empty_final_and_no_word(engine: PocketSphinx) -> None:
    async with hearing(engine) as ear:
        assert await ear.say(SILENCE * RATE * 3) == ""
        assert ear.transcripts == [Transcript("", is_final=True)]


async def test_an_utterance_that_nobody_ends_ends_by_itself_after_a_quiet(engine: PocketSphinx) -> None:
    async with hearing(engine) as ear:
        feed(ear.inner, await spoken(HOURS) + SILENCE * RATE * 2)
        final = await ear.final()
        assert share_heard(HOURS, final.text) >= 0.8
        assert not final.ends_turn


async def test_calls_take_turns_where_there_is_one_process_and_each_hears_its_own(engine: PocketSphinx) -> None:
    first, second = await engine.listen("en"), await engine.listen("en")
    for ear, words in ((first, BOOKING), (second, HOURS)):
        feed(ear, QUIET + await spoken(words) + QUIET)
        ear.flush()

    results = []
    for ear in (first, second):
        async for transcript in ear:
            if transcript.is_final:
                results.append(transcript.text)
                break
    await first.close()
    await second.close()
    assert share_heard(BOOKING, results[0]) >= 0.8
    assert share_heard(HOURS, results[1]) >= 0.8


async def test_an_ear_that_is_closed_ends_its_iteration_and_the_work(engine: PocketSphinx) -> None:
    ear = await engine.listen("en")
    feed(ear, QUIET + (await spoken(BOOKING)) * 4)
    partial = await anext(aiter(ear))
    assert not partial.is_final
    assert children("pocketsphinx_process")
    await ear.close()
    await ear.close()
    assert [transcript async for transcript in ear if transcript.is_final] == []
    assert not children("pocketsphinx_process")


async def test_a_process_that_dies_is_told_and_the_next_utterance_has_a_new_one(engine: PocketSphinx) -> None:
    ear = await engine.listen("en")
    feed(ear, QUIET + (await spoken(BOOKING)) * 4)
    assert not (await anext(aiter(ear))).is_final
    for child in children("pocketsphinx_process"):
        os.kill(child, 9)
    ear.flush()
    with pytest.raises(EngineFailed) as failed:
        _ = [transcript async for transcript in ear]
    assert failed.value.kind is FaultKind.BROKEN
    assert "stopped" in failed.value.words
    assert failed.value.remedy
    await ear.close()
    async with hearing(engine) as next_ear:
        assert share_heard(HOURS, await next_ear.say(await spoken(HOURS))) >= 0.8


async def test_speech_is_sound_of_a_telephone_of_about_the_length_that_it_takes() -> None:
    sound = await spoken(BOOKING)
    assert 2 * RATE < len(sound) < 6 * RATE
    assert len(set(sound)) > 50


async def test_nothing_is_said_where_there_are_no_words() -> None:
    assert await spoken("  ") == b""


async def test_words_are_said_and_not_run(tmp_path: Path) -> None:
    assert await spoken(f"$(touch {tmp_path}/a); `touch {tmp_path}/b` -o {tmp_path}/c")
    assert os.listdir(tmp_path) == []


async def test_speaking_that_is_given_up_ends_its_process() -> None:
    task = asyncio.create_task(spoken("This goes on and on. " * 4000))
    while not children("flite -voice"):
        await asyncio.sleep(0.005)
        assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not children("flite -voice")


async def test_the_loop_goes_on_while_engines_compute(engine: PocketSphinx) -> None:
    async with hearing(engine) as ear:
        assert await ear.say(await spoken(HOURS))
        with loop_watched() as held:
            assert await ear.say(await spoken(BOOKING))
        assert held.longest < LOOP_HELD


async def test_a_language_that_an_engine_does_not_know_is_refused_with_a_remedy(engine: PocketSphinx) -> None:
    with pytest.raises(EngineFailed) as heard:
        await registry.speech_to_text({"engine": "pocketsphinx"}, "").listen("de-DE")
    with pytest.raises(EngineFailed) as said:
        await spoken("Guten Tag", Flite("rms"), "de-DE")
    for failed in (heard.value, said.value):
        assert failed.kind is FaultKind.REFUSED
        assert "de-DE" in failed.words
        assert failed.remedy


async def test_without_its_program_flite_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EngineFailed) as failed:
        registry.text_to_speech({"engine": "flite"}, "")
    assert failed.value.kind is FaultKind.MISSING
    assert "make voice" in failed.value.remedy


def children(named: str) -> list[int]:
    """The processes of ours whose command holds this."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if named in command and int(parent) == os.getpid():
            found.append(int(folder.name))
    return found
