"""Processes that give answers, killed and told to end in the middle of one, with a web process that goes on."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import pytest
from django.utils import timezone

from convoship.lib.threads import in_thread
from deployments import writing
from deployments.models import Message, Turn
from deployments.sessions import OpenedSession
from tests.models.model_end import ModelEnd
from tests.reliability.processes import OwnValkey, Web, answerers, webs
from tests.reliability.test_streaming import SLOW, ask, model, opened, reading, run, stored, valkey

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["model", "opened", "valkey"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "restart"])
def test_one_that_ends_in_mid_answer_leaves_it_visibly_cut_and_another_answers_once(
    valkey: OwnValkey, tmp_path: Path, opened: OpenedSession, model: ModelEnd, how: signal.Signals
) -> None:
    allowed = f"127.0.0.1:{model.server.server_address[1]}"
    variables = {"CONVOSHIP_PRIVATE_ALLOWLIST": allowed, "ANSWER_PROCESSES": "1"}

    async def test(web: Web, first: Popen[bytes], another: ExitStack) -> None:
        async with reading(web, opened, {}) as reader:
            await ask(reader, f"count {SLOW} 40")
            await reader.until(lambda: len(reader.answer["text"]) > 40, seconds=30)
            await stored(opened, lambda: Message.objects.filter(text__startswith="count").update(text="count 5 1"))
            turn = await stored(opened, Turn.objects.get)
            assert timezone.now() < turn.leased_until <= timezone.now() + writing.LEASE
            first.send_signal(how)
            await asyncio.to_thread(first.wait, 15)
            if how is signal.SIGTERM:
                await reader.until(lambda: reader.answer["status"] == "failed", seconds=20)
            else:
                ago = timezone.now() - timedelta(seconds=1)
                await stored(opened, lambda: Turn.objects.update(leased_until=ago))
            await in_thread(another.enter_context, answerers(1, valkey.url, tmp_path, **variables))
            await reader.until(lambda: reader.answers == [(False, "failed"), (True, "sent")], seconds=30)
            turn = await stored(opened, Turn.objects.get)
            assert (turn.status, turn.attempts) == ("done", 2)
            assert len(model.asked) == 2

    with (
        webs(1, valkey.url, tmp_path, **variables) as [web],
        answerers(1, valkey.url, tmp_path, **variables) as [first],
        ExitStack() as another,
    ):
        run(lambda: test(web, first, another))
