"""*Test* of a connection whose calls we hear and speak: its engines say a sentence, hear it, and are carried."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from channels_app.providers.base import Finding
from channels_app.voice.engines import registry
from channels_app.voice.engines.base import EngineFailed, SpeechToText, TextToSpeech
from channels_app.voice.media import beats, dialects, engines_of
from channels_app.voice.media.events import FRAME, RATE, SILENCE
from convoship.lib.threads import in_thread

SENTENCE = "Hello, this is a test of the connection."
SECONDS = 20.0
NOT_CARRIED = (
    "No process on this server carries the sound of calls, so they are taken sentence by sentence or not at all."
)
CARRY = (
    "Whoever runs the server starts one: make run does after make voice; elsewhere daphne convoship.media:application."
)
NO_EDGE = "No process on this server takes calls by SIP, so nobody who calls is answered."
START_EDGE = "Whoever runs the server starts it, beside the others: manage.py sip_edge."


def lacks(config: Mapping[str, Any]) -> list[Finding]:
    """What this server lacks to carry such calls, as can be said at once; nothing where it lacks nothing."""
    absent = engines_of.missing(config)
    if absent is not None:
        return [Finding(False, absent.words, absent.remedy)]
    if config.get("dialect") == dialects.SIP:
        return [] if beats.alive(beats.SIP) else [Finding(False, NO_EDGE, START_EDGE)]
    return [] if beats.alive(beats.SOCKETS) else [Finding(False, NOT_CARRIED, CARRY)]


async def check(config: Mapping[str, Any], credentials: Mapping[str, str]) -> list[Finding]:
    """What *Test* finds of speech."""
    found = await in_thread(lacks, config)
    if found and found[0].words not in {NOT_CARRIED, NO_EDGE}:
        return found
    language = str(config.get("language") or "en-US")
    ear, mouth = engines_of.names(config)
    sound = b""
    try:
        speaks = registry.text_to_speech(engines_of.part_of(config, "tts"), credentials.get(engines_of.TTS_KEY, ""))
        sound, first_ms = await _spoken(speaks, language)
        found.append(Finding(True, f"{engines_of.label(mouth)} speaks: its first sound came after {first_ms} ms."))
    except (EngineFailed, TimeoutError) as error:
        found.append(_of(engines_of.label(mouth), error, "said nothing"))
    if not sound:
        sound = await _spoken_otherwise(mouth)
    if not sound:
        words = f"{engines_of.label(ear)} was not asked, as nothing spoke a sentence for it to hear."
        return [*found, Finding(False, words, "Mend what speaks, and press Test again.")]
    try:
        hears = registry.speech_to_text(engines_of.part_of(config, "stt"), credentials.get(engines_of.STT_KEY, ""))
        words, after_ms = await _heard(hears, sound, language)
        if words:
            heard = f"of a test sentence it understood “{words}”, {after_ms} ms after its end."
            found.append(Finding(True, f"{engines_of.label(ear)} hears: {heard}"))
        else:
            heard = f"{engines_of.label(ear)} answered, and understood no word of a test sentence."
            found.append(Finding(False, heard, "Check its model and the connection's language in the settings."))
    except (EngineFailed, TimeoutError) as error:
        found.append(_of(engines_of.label(ear), error, "heard nothing"))
    return found


async def _spoken_otherwise(mouth: str) -> bytes:
    """The sentence by the voice of this server, where another one that was chosen fails and it is installed."""
    if mouth == registry.DEFAULT_TTS:
        return b""
    try:
        return (await _spoken(registry.text_to_speech({"engine": registry.DEFAULT_TTS}, ""), "en-US"))[0]
    except (EngineFailed, TimeoutError):
        return b""


async def _spoken(mouth: TextToSpeech, language: str) -> tuple[bytes, int]:
    began, first, sound = time.monotonic(), 0.0, b""
    making = mouth.speak(SENTENCE, language)
    try:
        async with asyncio.timeout(SECONDS):
            async for piece in making:
                first = first or time.monotonic()
                sound += piece
    finally:
        await making.aclose()
    return sound, round((first - began) * 1000) if first else 0


async def _heard(ear: SpeechToText, sound: bytes, language: str) -> tuple[str, int]:
    listening = await ear.listen(language)
    try:
        quiet = SILENCE * (RATE // 2)
        whole = quiet + sound + quiet
        for at in range(0, len(whole), FRAME):
            listening.feed(whole[at : at + FRAME])
        listening.flush()
        ended = time.monotonic()
        async with asyncio.timeout(SECONDS):
            async for transcript in listening:
                if transcript.is_final:
                    return transcript.text.strip(), round((time.monotonic() - ended) * 1000)
    finally:
        await listening.close()
    return "", 0


def _of(label: str, error: EngineFailed | TimeoutError, what: str) -> Finding:
    if isinstance(error, EngineFailed):
        return Finding(False, error.words, error.remedy)
    return Finding(False, f"{label} {what} within {SECONDS:.0f} seconds.", "Press Test again in a while.")
