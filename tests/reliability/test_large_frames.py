"""A frame that is too large is told so by its close code, by the server itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests import factories
from tests.reliability.processes import OwnValkey, web_processes
from tests.reliability.test_revocation import closed, socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("size", [129 * 1024, 2 * 1024 * 1024])
def test_a_frame_that_is_too_large_closes_the_socket_with_1009(tmp_path: Path, size: int) -> None:
    opened = factories.start_session(factories.make_deployment(factories.make_workspace()))

    async def shout(address: str) -> int:
        async with socket(address, opened) as connection:
            await connection.send("x" * size)
            async with asyncio.timeout(10):
                return (await closed(connection))[0]

    with OwnValkey(tmp_path) as valkey, web_processes(1, valkey.url, tmp_path) as [address]:
        assert asyncio.run(shout(address)) == 1009
