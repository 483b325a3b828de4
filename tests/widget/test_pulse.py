"""The pulse finds what no event told, for each socket in its turn."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

import pytest

from deployments import doors
from deployments.doors import SessionPulse
from deployments.pulse import TURNS, Pulse


class Patient:
    """Remembers that it was looked after."""

    def __init__(self, number: int) -> None:
        self.session_id = uuid.UUID(int=number)
        self.pulses = 0
        self.was_looked_after = asyncio.Event()

    def on_pulse(self, pulse: SessionPulse | None) -> None:
        self.pulses += 1
        self.was_looked_after.set()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sessions each query was for; the first one fails."""
    counts: list[int] = []

    def pulse(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, SessionPulse]:
        counts.append(len(ids))
        if len(counts) == 1:
            raise OSError("the database is away")
        return {}

    monkeypatch.setattr(doors, "pulse", pulse)
    monkeypatch.setattr("deployments.pulse.EVERY_SECONDS", 0.2)
    return counts


async def test_each_socket_has_its_turn_and_no_query_is_for_all(asked: list[int]) -> None:
    patients = [Patient(number) for number in range(5 * TURNS)]
    pulse = Pulse(asyncio.get_running_loop())
    for patient in patients:
        pulse.watch(patient)
    async with asyncio.timeout(20):
        for patient in patients:
            await patient.was_looked_after.wait()
    assert set(asked) == {5}
    assert max(one.pulses for one in patients) <= min(one.pulses for one in patients) + 2
    for patient in patients:
        pulse.leave(patient)
    assert pulse.beating is not None
    await asyncio.wait_for(pulse.beating, 20)
