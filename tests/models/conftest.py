"""A model's endpoint for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.model_end import ModelEnd, running


@pytest.fixture
def model(settings: object) -> Iterator[ModelEnd]:
    """An endpoint on this machine, which may be called although it is on this machine."""
    with running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}  # type: ignore[attr-defined]
        yield end
