"""ElevenLabs' voices, streamed through its SDK: elevenlabs.io/docs/api-reference/text-to-speech/stream.

It gives a telephone's sound itself (`ulaw_8000`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from importlib import import_module
from typing import Any

from channels_app.voice.engines import installed, vendor_faults
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.languages import primary
from channels_app.voice.engines.use import Used
from convoship.lib.outbound.sending import streaming_client

LABEL = "ElevenLabs"
HOST = "https://api.elevenlabs.io"
MODELS = ("eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_multilingual_v2")
# "George", one of the voices that every account has.
VOICE = "JBFqnCBsd6RMkjVDRZzb"
# From one piece of sound to the next.
SECONDS = 10.0
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The models that are told the language; the others hear it from the words.
_TOLD_LANGUAGE = frozenset(MODELS[:2])


def speaking(config: Mapping[str, str], key: str) -> ElevenLabs:
    """The engine with this voice and model. `base_url`: another host of theirs, such as that of the EU."""
    installed.require("elevenlabs", LABEL)
    voice = config.get("voice") or VOICE
    if not _ID.fullmatch(voice):
        raise EngineFailed(
            FaultKind.NOT_FOUND,
            f"{voice[:80]!r} is no voice of ElevenLabs.",
            "Copy the voice's ID from My Voices in your account there: some twenty letters and digits.",
        )
    return ElevenLabs(voice, config.get("model") or MODELS[0], key, config.get("base_url") or HOST)


class ElevenLabs(Used):
    """Speaks each clause by a call of its own, over connections that are kept."""

    def __init__(self, voice: str, model: str, key: str, base_url: str) -> None:
        super().__init__()
        self._voice, self._model, self._key, self._base_url = voice, model, key, base_url.rstrip("/")
        self._sdk: tuple[Any, Any] | None = None

    async def speak(self, words: str, language: str) -> AsyncGenerator[bytes]:
        """The sound of a clause, as it comes."""
        if not words.strip():
            return
        if self._sdk is None:
            # Loading it takes more than a second, once.
            self._sdk = await asyncio.to_thread(_loaded)
        sdk, errors = self._sdk
        with self.in_use():
            heard = 0
            try:
                async with streaming_client(in_lines=False) as http:
                    client = sdk.AsyncElevenLabs(api_key=self._key, base_url=self._base_url, httpx_client=http)
                    async with client.text_to_speech.with_raw_response.stream(
                        self._voice,
                        text=words,
                        model_id=self._model,
                        output_format="ulaw_8000",
                        **({"language_code": primary(language)} if language and self._tells_language else {}),
                        request_options={"max_retries": 0, "timeout_in_seconds": SECONDS},
                    ) as answer:
                        kind = dict(answer.headers).get("content-type", "audio/basic").lower()
                        if not kind.startswith(("audio/", "application/octet-stream")):
                            raise vendor_faults.garbled(LABEL)
                        async for piece in answer.data:
                            heard += len(piece)
                            yield piece
            except errors.ApiError as error:
                chosen = f"voice {self._voice!r} with the model {self._model!r}"
                raise vendor_faults.of_status(LABEL, error.status_code or 500, chosen, error.body) from None
            except vendor_faults.CAUGHT as error:
                raise vendor_faults.of_error(LABEL, error) from None
            if not heard:
                raise vendor_faults.garbled(LABEL)

    @property
    def _tells_language(self) -> bool:
        return self._model in _TOLD_LANGUAGE

    async def close(self) -> None:
        """Connections are the guarded client's own."""


def _loaded() -> tuple[Any, Any]:
    """The SDK, and the module of its errors."""
    return import_module("elevenlabs.client"), import_module("elevenlabs.core.api_error")
