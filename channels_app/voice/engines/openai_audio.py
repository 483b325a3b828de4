"""OpenAI's audio endpoints, and whoever else speaks them: platform.openai.com/docs/api-reference/audio.

`/audio/transcriptions` hears an utterance at a time; `/audio/speech` speaks as linear sound of 24 kHz (`pcm`).
"""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncGenerator, Mapping
from functools import partial

import openai
from openai import omit

from channels_app.voice.engines import installed, vendor_faults
from channels_app.voice.engines.base import EngineFailed
from channels_app.voice.engines.batch_listening import BatchListening
from channels_app.voice.engines.languages import primary
from channels_app.voice.engines.use import Used
from channels_app.voice.media import g711
from channels_app.voice.media.events import RATE
from channels_app.voice.media.resampling import ToTelephone
from convoship.lib.outbound.sending import streaming_client
from deployments import model_client

LABEL = "OpenAI"
BASE_URL = "https://api.openai.com/v1"
HEARS = ("gpt-4o-mini-transcribe", "gpt-4o-transcribe", "whisper-1")
SPEAKS = ("gpt-4o-mini-tts", "tts-1")
VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")
SECONDS = 15.0
_PCM_RATE = 24_000


def hearing(config: Mapping[str, str], key: str) -> Transcriptions:
    """The engine with this model, at OpenAI or at another's `base_url`."""
    installed.require("openai", LABEL)
    return Transcriptions(config.get("model") or HEARS[0], key, config.get("base_url") or BASE_URL)


def speaking(config: Mapping[str, str], key: str) -> Speech:
    """The engine with this voice and model, at OpenAI or at another's `base_url`."""
    installed.require("openai", LABEL)
    voice, model = config.get("voice") or VOICES[0], config.get("model") or SPEAKS[0]
    return Speech(voice, model, key, config.get("base_url") or BASE_URL)


class Transcriptions(Used):
    """Hears each utterance by a call of its own."""

    def __init__(self, model: str, key: str, base_url: str) -> None:
        super().__init__()
        self._model, self._key, self._base_url = model, key, base_url

    async def listen(self, language: str) -> BatchListening:
        """Begin to hear one call."""
        return BatchListening(partial(self._hear, primary(language)), LABEL, self)

    async def _hear(self, language: str, ulaw: bytes) -> str:
        file = ("speech.wav", _wav(ulaw), "audio/wav")
        try:
            async with streaming_client(in_lines=False) as http:
                client = model_client.new(http, self._base_url, self._key, seconds=SECONDS)
                answer = await client.audio.transcriptions.create(
                    model=self._model, file=file, response_format="json", language=language or omit
                )
        except _CAUGHT as error:
            raise _failed(error, f"model {self._model!r}") from None
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise vendor_faults.garbled(LABEL)
        return text

    async def close(self) -> None:
        """Connections are the guarded client's own."""


class Speech(Used):
    """Speaks each clause by a call of its own."""

    def __init__(self, voice: str, model: str, key: str, base_url: str) -> None:
        super().__init__()
        self._voice, self._model, self._key, self._base_url = voice, model, key, base_url

    async def speak(self, words: str, language: str) -> AsyncGenerator[bytes]:
        """The sound of a clause, as it comes. The model hears the language from the words."""
        if not words.strip():
            return
        with self.in_use():
            line, is_there = ToTelephone(_PCM_RATE), False
            try:
                async with streaming_client(in_lines=False) as http:
                    client = model_client.new(http, self._base_url, self._key, seconds=SECONDS)
                    async with client.audio.speech.with_streaming_response.create(
                        model=self._model, voice=self._voice, input=words, response_format="pcm"
                    ) as answer:
                        kind = answer.headers.get("content-type", "audio/pcm").lower()
                        if not kind.startswith(("audio/", "application/octet-stream")):
                            raise vendor_faults.garbled(LABEL)
                        async for piece in answer.iter_bytes():
                            if sound := line.put(piece):
                                is_there = True
                                yield sound
                if rest := line.rest():
                    yield rest
            except _CAUGHT as error:
                raise _failed(error, f"voice {self._voice!r} with the model {self._model!r}") from None
            if not is_there:
                raise vendor_faults.garbled(LABEL)

    async def close(self) -> None:
        """Connections are the guarded client's own."""


# What is no JSON is a ValueError.
_CAUGHT = (openai.OpenAIError, *vendor_faults.CAUGHT, ValueError, RecursionError)


def _failed(error: Exception, chosen: str) -> EngineFailed:
    if isinstance(error, openai.APIStatusError):
        return vendor_faults.of_status(LABEL, error.status_code, chosen, {"error": error.body}, "")
    if isinstance(error, openai.APITimeoutError):
        return vendor_faults.timed_out(LABEL)
    if isinstance(error, (openai.APIConnectionError, *vendor_faults.CAUGHT)):
        return vendor_faults.of_error(LABEL, error)
    return vendor_faults.garbled(LABEL)


def _wav(ulaw: bytes) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(g711.to_linear(ulaw))
    return made.getvalue()
