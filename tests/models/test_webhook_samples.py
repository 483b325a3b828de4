"""The samples of docs/samples/webhook are bots that answer, and that answer nobody else."""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from convoship.lib import standard_webhooks
from convoship.machine import node
from deployments.responders import webhook_answer
from deployments.responders.base import EndOfText, Reply, ResponderError, Say, Token, Trace, TurnInput
from deployments.responders.webhook import WebhookResponder
from tests.channels import far_end
from tests.models.test_webhook import Desk

SAMPLES = Path(settings.BASE_DIR) / "docs" / "samples" / "webhook"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@contextmanager
def running(program: list[str], environment: Mapping[str, str], secret: str) -> Iterator[int]:
    """The port of a sample that runs, once it answers."""
    port = _free_port()
    given = {**environment, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    with subprocess.Popen(program, env=given, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while process.poll() is None and time.monotonic() < deadline:
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
            assert process.poll() is None, "the sample ended"
            yield port
        finally:
            process.kill()


async def asked(port: int, desk: Desk) -> list[Reply]:
    turn = TurnInput(
        text="Hi there, Ödön",
        payload=None,
        locale="en",
        channel="web",
        history=(),
        state={},
        content={"url": f"http://127.0.0.1:{port}/"},
        reach=desk,
        turn_id="t-1",
    )
    return [one async for one in WebhookResponder().answer(turn) if not isinstance(one, Trace)]


@pytest.mark.parametrize("name", ["bot.py", "bot.mjs"])
async def test_a_sample_answers_what_is_signed_with_its_secret_and_nothing_else(name: str, settings: Any) -> None:
    secret = standard_webhooks.new_secret()
    program = [sys.executable] if name.endswith(".py") else ["node"]
    environment = dict(os.environ) if name.endswith(".py") else node.environment()
    with running([*program, str(SAMPLES / name)], environment, secret) as port:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", port)}
        # While two overlap, either is enough.
        said = await asked(port, Desk([standard_webhooks.new_secret(), secret]))
        texts = "".join(one.text for one in said if isinstance(one, Say | Token))
        assert texts == "You said: Hi there, Ödön"
        assert isinstance(said[-1], Say | EndOfText)
        with pytest.raises(ResponderError) as refused:
            await asked(port, Desk([standard_webhooks.new_secret()]))
        assert refused.value.code == "key"


def test_the_sample_that_calls_back_posts_an_answer() -> None:
    code = runpy.run_path(str(SAMPLES / "calls_back.py"))
    with far_end.running() as far:
        assert code["call_back"]({"callback_url": far.url}, "At last.") == 200
        [seen] = far.seen
    assert seen.headers["content-type"] == "application/json"
    assert webhook_answer.parsed(seen.body) == {"messages": [{"text": "At last."}]}


def test_a_sample_is_about_twenty_lines() -> None:
    assert {path.name: len(path.read_text().splitlines()) <= 30 for path in SAMPLES.iterdir()} == {
        "bot.mjs": True,
        "bot.py": True,
        "calls_back.py": True,
    }
