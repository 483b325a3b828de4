"""The engines of a connection's calls, and how its sound comes here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from channels_app import accounts
from channels_app.models import Connection
from channels_app.providers.base import Capability
from channels_app.providers.registry import PROVIDERS
from channels_app.voice.engines import registry, vad
from channels_app.voice.media import dialects
from channels_app.voice.media.engines_of import STT_KEY, TTS_KEY, part_of
from channels_app.voice.media.line import Engines
from convoship.lib.tenancy import in_tenant


def dialect_of(config: Mapping[str, Any]) -> str:
    """The name of the dialect that this connection's far side speaks (`dialects`)."""
    return str(config.get("dialect") or dialects.DEFAULT)


def is_asked_afterwards(kind: str) -> bool:
    """Whether the provider asks what comes next once a socket is closed; else the call is over with it."""
    return PROVIDERS[kind].can(Capability.SPOKEN)


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
    return Engines(ear, mouth, vad.JointDetector())


def _asked_for(connection_id: UUID) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    connection = Connection.objects.get(id=connection_id)
    return connection.config, accounts.to_receive(connection).account.credentials
