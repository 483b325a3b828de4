"""Deepgram, ElevenLabs and OpenAI through the clients that are used: what goes well, and each way that it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from channels_app.voice.engines import deepgram as deepgram_engine
from channels_app.voice.engines import elevenlabs as elevenlabs_engine
from channels_app.voice.engines import openai_audio, registry
from channels_app.voice.engines.base import EngineFailed, FaultKind, SpeechToText, TextToSpeech, Transcript
from channels_app.voice.media.events import RATE, SILENCE
from tests.channels import speech_hosts
from tests.channels.hearing import BOOKING, HOURS, LOOP_HELD, QUIET, feed, hearing, loop_watched, share_heard, spoken
from tests.channels.speech_hosts import KEY, AudioHost, DeepgramHost


@pytest.fixture
async def deepgram(settings: Any) -> AsyncIterator[DeepgramHost]:
    async with speech_hosts.deepgram() as host:
        settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", host.port)})
        yield host
        await registry.close()


@pytest.fixture
def audio(settings: Any) -> Iterator[AudioHost]:
    with speech_hosts.audio() as host:
        settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", host.port)})
        yield host


def nova(host: DeepgramHost, key: str = KEY, **more: str) -> SpeechToText:
    return registry.speech_to_text({"engine": "deepgram", "base_url": host.url, **more}, key)


def eleven(host: AudioHost, key: str = KEY, **more: str) -> TextToSpeech:
    return registry.text_to_speech({"engine": "elevenlabs", "base_url": host.url, **more}, key)


def speaker(host: AudioHost, key: str = KEY, **more: str) -> TextToSpeech:
    return registry.text_to_speech({"engine": "openai", "base_url": f"{host.url}/v1", **more}, key)


def writer(host: AudioHost, key: str = KEY, **more: str) -> SpeechToText:
    return registry.speech_to_text({"engine": "openai", "base_url": f"{host.url}/v1", **more}, key)


async def test_deepgram_tells_what_is_said_while_it_is_said_and_that_the_caller_is_done(deepgram: DeepgramHost) -> None:
    async with hearing(nova(deepgram)) as ear:
        feed(ear.inner, QUIET + await spoken(BOOKING) + QUIET)
        final = await ear.final()
        assert share_heard(BOOKING, final.text) >= 0.8
        assert final.ends_turn
        assert ear.partials
    asked = deepgram.asked[0]
    assert asked["model"] == "nova-3"
    assert asked["language"] == "en-US"
    assert (asked["interim_results"], asked["endpointing"], asked["utterance_end_ms"]) == ("true", "300", "1000")
    assert deepgram.texts[-1] == "CloseStream"


async def test_a_turn_that_deepgram_ended_is_not_ended_again_by_its_utterance_end(deepgram: DeepgramHost) -> None:
    async with hearing(nova(deepgram)) as ear:
        feed(ear.inner, QUIET + await spoken(HOURS) + SILENCE * RATE * 2)
        assert (await ear.final()).ends_turn
        ear.inner.flush()
        assert await ear.final() == Transcript("", is_final=True)


async def test_a_flush_is_answered_though_deepgram_keeps_quiet(
    deepgram: DeepgramHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deepgram_engine, "FLUSH_SECONDS", 0.05)
    deepgram.keeps_quiet_on_finalize = True
    async with hearing(nova(deepgram)) as ear:
        ear.inner.flush()
        assert await ear.final() == Transcript("", is_final=True)


async def test_a_call_without_sound_keeps_deepgram_waiting(
    deepgram: DeepgramHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deepgram_engine, "KEEP_ALIVE_SECONDS", 0.01)
    async with hearing(nova(deepgram)):
        await until(lambda: deepgram.texts.count("KeepAlive") >= 3)


async def test_an_ear_that_is_closed_leaves_no_socket_at_deepgram(deepgram: DeepgramHost) -> None:
    engine = nova(deepgram)
    ear = await engine.listen("en")
    feed(ear, QUIET)
    await ear.close()
    await ear.close()
    assert [transcript async for transcript in ear] == []
    await until(lambda: not deepgram.open_now)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status:401", FaultKind.KEY),
        ("status:402", FaultKind.QUOTA),
        ("status:403", FaultKind.KEY),
        ("status:429", FaultKind.QUOTA),
        ("status:404", FaultKind.NOT_FOUND),
        ("status:400", FaultKind.REFUSED),
        ("status:503", FaultKind.BROKEN),
        ("silent", FaultKind.TIMEOUT),
    ],
)
async def test_a_call_that_deepgram_does_not_hear_says_why(
    deepgram: DeepgramHost, fault: str, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "silent":
        monkeypatch.setattr(deepgram_engine, "OPEN_SECONDS", 0.2)
    deepgram.fault = fault
    await assert_refused(nova(deepgram).listen("en-US"), kind)


async def test_a_key_or_a_model_that_deepgram_does_not_know_is_told_apart(deepgram: DeepgramHost) -> None:
    await assert_refused(nova(deepgram, key="another").listen("en-US"), FaultKind.KEY)
    failed = await assert_refused(nova(deepgram, model="parrot-1").listen("en-US"), FaultKind.NOT_FOUND)
    assert "parrot-1" in failed.words


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("garbage", FaultKind.BROKEN),
        ("cut", FaultKind.BROKEN),
        ("close:1011", FaultKind.BROKEN),
        ("close:1008", FaultKind.REFUSED),
    ],
)
async def test_hearing_that_deepgram_breaks_off_is_told(deepgram: DeepgramHost, fault: str, kind: FaultKind) -> None:
    deepgram.fault = fault
    ear = await nova(deepgram).listen("en-US")
    feed(ear, QUIET)
    try:
        with pytest.raises(EngineFailed) as failed:
            async with asyncio.timeout(10):
                _ = [transcript async for transcript in ear]
    finally:
        await ear.close()
    assert failed.value.kind is kind
    assert failed.value.remedy


async def test_no_engine_calls_an_address_that_is_not_open(
    deepgram: DeepgramHost, audio: AudioHost, settings: Any
) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset()
    for failed in (
        await assert_refused(nova(deepgram).listen("en"), FaultKind.UNREACHABLE),
        await assert_refused(spoken(HOURS, eleven(audio)), FaultKind.UNREACHABLE),
        await assert_refused(spoken(HOURS, speaker(audio)), FaultKind.UNREACHABLE),
    ):
        assert "private network" in failed.words or "can't be called" in failed.words
    assert deepgram.asked == []
    assert audio.asked == []


async def test_what_elevenlabs_says_is_a_telephones_sound(audio: AudioHost) -> None:
    sound = await spoken(HOURS, eleven(audio), "en-GB")
    assert share_heard(HOURS, speech_hosts.heard(QUIET + sound + QUIET)) >= 0.8
    asked = audio.asked[0]
    assert asked["output_format"] == "ulaw_8000"
    assert asked["model_id"] == "eleven_flash_v2_5"
    assert asked["language_code"] == "en"
    assert asked["text"] == HOURS


async def test_what_openai_says_is_a_telephones_sound_and_it_hears_it(audio: AudioHost) -> None:
    sound = await spoken(HOURS, speaker(audio))
    assert RATE < len(sound) < 4 * RATE
    async with hearing(writer(audio)) as ear:
        assert share_heard(HOURS, await ear.say(sound)) >= 0.8
        assert await ear.say(SILENCE * RATE) == ""
    said, heard = audio.asked
    assert (said["response_format"], said["voice"]) == ("pcm", "alloy")
    assert heard["language"] == b"en"
    assert heard["model"] == b"gpt-4o-mini-transcribe"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status:401", FaultKind.KEY),
        ("code:quota_exceeded:401", FaultKind.QUOTA),
        ("code:insufficient_quota:429", FaultKind.QUOTA),
        ("status:402", FaultKind.QUOTA),
        ("status:403", FaultKind.KEY),
        ("code:too_many_concurrent_requests:429", FaultKind.QUOTA),
        ("code:voice_not_found:400", FaultKind.NOT_FOUND),
        ("status:404", FaultKind.NOT_FOUND),
        ("status:422", FaultKind.REFUSED),
        ("status:500", FaultKind.BROKEN),
        ("garbage", FaultKind.BROKEN),
        ("empty", FaultKind.BROKEN),
        ("cut", FaultKind.BROKEN),
        ("silent", FaultKind.TIMEOUT),
    ],
)
@pytest.mark.parametrize("vendor", ["elevenlabs", "openai"])
async def test_words_that_are_not_said_say_why(
    audio: AudioHost, vendor: str, fault: str, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "silent":
        monkeypatch.setattr(elevenlabs_engine, "SECONDS", 0.2)
        monkeypatch.setattr(openai_audio, "SECONDS", 0.2)
    audio.fault = fault
    failed = await assert_refused(spoken(HOURS, eleven(audio) if vendor == "elevenlabs" else speaker(audio)), kind)
    assert KEY not in failed.words


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status:401", FaultKind.KEY),
        ("code:model_not_found:404", FaultKind.NOT_FOUND),
        ("status:429", FaultKind.QUOTA),
        ("garbage", FaultKind.BROKEN),
        ("silent", FaultKind.TIMEOUT),
    ],
)
async def test_an_utterance_that_openai_does_not_hear_says_why(
    audio: AudioHost, fault: str, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "silent":
        monkeypatch.setattr(openai_audio, "SECONDS", 0.2)
    audio.fault = fault

    async def heard() -> None:
        async with hearing(writer(audio)) as ear:
            await ear.say(await spoken(HOURS))

    await assert_refused(heard(), kind)


async def test_a_key_that_is_wrong_is_not_repeated(audio: AudioHost) -> None:
    for engine in (eleven(audio, key="another"), speaker(audio, key="another")):
        failed = await assert_refused(spoken(HOURS, engine), FaultKind.KEY)
        assert "another" not in failed.words


async def test_a_voice_that_is_an_address_of_something_else_is_refused(audio: AudioHost) -> None:
    with pytest.raises(EngineFailed) as failed:
        eleven(audio, voice="../../v1/voices")
    assert failed.value.kind is FaultKind.NOT_FOUND
    assert audio.asked == []


@pytest.mark.parametrize("vendor", ["elevenlabs", "openai"])
async def test_speech_that_is_given_up_is_broken_off_there(audio: AudioHost, vendor: str) -> None:
    audio.fault = "slow"
    sound = (eleven(audio) if vendor == "elevenlabs" else speaker(audio)).speak(BOOKING, "en")
    assert await anext(sound)
    await sound.aclose()
    assert await asyncio.to_thread(audio.broken_off.wait, 10)


async def test_nothing_listens_there(settings: Any) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", 9)})
    for work in (
        registry.speech_to_text({"engine": "deepgram", "base_url": "http://127.0.0.1:9"}, KEY).listen("en"),
        spoken(HOURS, registry.text_to_speech({"engine": "elevenlabs", "base_url": "http://127.0.0.1:9"}, KEY)),
        spoken(HOURS, registry.text_to_speech({"engine": "openai", "base_url": "http://127.0.0.1:9/v1"}, KEY)),
    ):
        await assert_refused(work, FaultKind.UNREACHABLE)


async def test_no_key_follows_a_redirect(settings: Any) -> None:
    asked: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1000))
        writer.close()

    async def here(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/\r\n" % ports[0])
        writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(one, "127.0.0.1", 0) for one in (elsewhere, here)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    settings.OUTBOUND_ALLOWLIST = frozenset(("127.0.0.1", port) for port in ports)
    url = f"http://127.0.0.1:{ports[1]}"
    for work in (
        registry.speech_to_text({"engine": "deepgram", "base_url": url}, KEY).listen("en"),
        spoken(HOURS, registry.text_to_speech({"engine": "elevenlabs", "base_url": url}, KEY)),
        spoken(HOURS, registry.text_to_speech({"engine": "openai", "base_url": f"{url}/v1"}, KEY)),
    ):
        with pytest.raises(EngineFailed):
            await work
    assert asked == []
    for server in servers:
        server.close()
    await registry.close()


@pytest.mark.parametrize("name", ["deepgram", "openai"])
async def test_without_a_key_an_engine_says_so_before_any_call(name: str) -> None:
    with pytest.raises(EngineFailed) as failed:
        registry.speech_to_text({"engine": name}, "")
    assert failed.value.kind is FaultKind.KEY
    assert "settings" in failed.value.remedy


async def test_the_loop_goes_on_while_vendors_are_spoken_with(
    deepgram: DeepgramHost, audio: AudioHost, settings: Any
) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", deepgram.port), ("127.0.0.1", audio.port)})
    sound = await spoken(HOURS)
    # As a process does that carries sound: what each SDK loads at its first use is loaded by then.
    await registry.load()
    await spoken(HOURS, eleven(audio))
    await spoken(HOURS, speaker(audio))
    async with hearing(nova(deepgram)) as ear:
        with loop_watched() as held:
            await spoken(HOURS, eleven(audio))
            await spoken(HOURS, speaker(audio))
            await ear.say(sound)
    assert held.longest < LOOP_HELD


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  (what is waited for is a host's)
            await asyncio.sleep(0.01)


async def assert_refused(work: Any, kind: FaultKind) -> EngineFailed:
    with pytest.raises(EngineFailed) as failed:
        async with asyncio.timeout(30):
            await work
    assert failed.value.kind is kind, failed.value.words
    assert failed.value.words.endswith(".")
    assert failed.value.remedy.endswith(".")
    return failed.value
