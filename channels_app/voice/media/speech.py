"""Which engines hear and speak in a connection's calls, and how its sound is carried: as its config says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from channels_app import accounts
from channels_app.models import Connection
from channels_app.voice.engines import installed, registry, vad
from channels_app.voice.engines.base import EngineFailed
from channels_app.voice.media.line import Engines
from convoship.lib.tenancy import in_tenant

# The names of the credentials that engines take.
STT_KEY, TTS_KEY = "stt_api_key", "tts_api_key"
MEDIA_STREAMS = "media_streams"


def dialect_of(kind: str, config: Mapping[str, Any]) -> str:
    """The name of the dialect that this connection's far side speaks (`dialects`)."""
    return MEDIA_STREAMS if kind == "twilio_voice" else str(config.get("dialect") or MEDIA_STREAMS)


def is_asked_afterwards(kind: str) -> bool:
    """Whether the provider asks what comes next once a socket is closed; else the call is over with it."""
    return kind == "twilio_voice"


def part_of(config: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    """The config of what hears ("stt") or of what speaks ("tts")."""
    speech = config.get("speech") or {}
    found: Mapping[str, Any] = speech.get(which) or {}
    return found


def words_of(config: Mapping[str, Any]) -> str:
    """What hears and what speaks, in a line of the call's story."""
    ear, mouth = _names(config)
    return f"Its sound is ours: {_label(ear)} hears, {_label(mouth)} speaks."


def _names(config: Mapping[str, Any]) -> tuple[str, str]:
    ear = part_of(config, "stt").get("engine") or registry.DEFAULT_STT
    return ear, part_of(config, "tts").get("engine") or registry.DEFAULT_TTS


def _label(name: str) -> str:
    engine = registry.ENGINES.get(name)
    return engine.label if engine is not None else name


def missing(config: Mapping[str, Any]) -> EngineFailed | None:
    """What this server lacks to hear and speak as this config says; None where it lacks nothing."""
    try:
        installed.require(installed.VAD, "What tells speech from silence")
        for name in _names(config):
            installed.require(name, _label(name))
    except EngineFailed as absent:
        return absent
    return None


def socket_url(inbound_url: str) -> str:
    """The address of the socket of a connection's sound: where media processes listen."""
    # https becomes wss; on a machine of one's own http becomes ws.
    url = f"{settings.MEDIA_BASE_URL}{inbound_url.removeprefix(settings.PUBLIC_BASE_URL)}/stream"
    return "ws" + url.removeprefix("http")


def socket_url_of(connection: Connection) -> str:
    """The same of a connection."""
    return socket_url(accounts.inbound_url(connection))


async def engines(workspace_id: UUID, connection_id: UUID) -> Engines:
    """The engines of a call. Raises `EngineFailed` where one can't be had: a package or a key is missing."""
    config, keys = await in_tenant(_asked_for)(workspace_id, connection_id)
    ear = registry.speech_to_text(part_of(config, "stt"), keys.get(STT_KEY, ""))
    mouth = registry.text_to_speech(part_of(config, "tts"), keys.get(TTS_KEY, ""))
    await vad.load()
    return Engines(ear, mouth, vad.Detector())


def _asked_for(connection_id: UUID) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    connection = Connection.objects.get(id=connection_id)
    return connection.config, accounts.to_receive(connection).account.credentials
