"""The widget's own reader of Markdown, in the node that builds it: which links it draws of a text."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convoship.machine import node

PROGRAM = Path(__file__).with_suffix(".mjs")


class Reader:
    """Asks a process of node, text by text."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self.asked, self.answers = process.stdin, process.stdout

    def links(self, text: str) -> list[tuple[str, str]]:
        """(address, words) of each link."""
        self.asked.write(json.dumps(text) + "\n")
        self.asked.flush()
        return [(address, words) for address, words in json.loads(self.answers.readline())]


@contextmanager
def running() -> Iterator[Reader]:
    """A reader, which ends with the block."""
    # A version of node that still warns of types in sources warns here.
    command = ["node", "--no-warnings", str(PROGRAM)]
    with subprocess.Popen(
        command, env=node.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Reader(process)
        finally:
            process.kill()
