"""A model's endpoint, or somebody's bot, for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models import bot_end
from tests.models.bot_end import BotEnd
from tests.models.model_end import ModelEnd, running


@pytest.fixture
def model(settings: object) -> Iterator[ModelEnd]:
    """An endpoint on this machine, which may be called although it is on this machine."""
    with running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}  # type: ignore[attr-defined]
        yield end


@pytest.fixture
def bot(settings: object) -> Iterator[BotEnd]:
    """A bot on this machine, which may be called although it is on this machine."""
    with bot_end.running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.port)}  # type: ignore[attr-defined]
        yield end
