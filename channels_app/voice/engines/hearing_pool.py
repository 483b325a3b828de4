"""Processes that hear, lent to one utterance at a time (`pocketsphinx_process` says how they are spoken with).

An utterance that ends early takes its process with it: that one is busy with sound that nobody wants any more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.pocketsphinx_process import COMMAND, LENGTH

START_SECONDS, ANSWER_SECONDS, WAIT_SECONDS = 30.0, 30.0, 20.0
_ROOT = Path(__file__).resolve().parent.parent.parent.parent


class Process:
    """One that was started."""

    def __init__(self, inner: asyncio.subprocess.Process, label: str) -> None:
        self._inner, self._label = inner, label
        # Both are pipes: `Pool` asked for them.
        self._in = cast("asyncio.StreamWriter", inner.stdin)
        self._out = cast("asyncio.StreamReader", inner.stdout)

    async def asked(self, letter: bytes, body: bytes) -> str:
        """Its answer to a command. Raises `EngineFailed` where there is none."""
        try:
            self._in.write(COMMAND.pack(letter, len(body)) + body)
            await self._in.drain()
            return await self.answer(ANSWER_SECONDS)
        except (OSError, RuntimeError):
            raise self._stopped() from None

    async def answer(self, seconds: float) -> str:
        """Its next answer."""
        try:
            async with asyncio.timeout(seconds):
                length = LENGTH.unpack(await self._out.readexactly(LENGTH.size))[0]
                return (await self._out.readexactly(length)).decode(errors="replace")
        except (asyncio.IncompleteReadError, OSError):
            raise self._stopped() from None
        except TimeoutError:
            raise EngineFailed(
                FaultKind.TIMEOUT,
                f"{self._label} on this server did not answer in time.",
                "Try again, with fewer calls.",
            ) from None

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._inner.returncode is None

    async def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self._inner.kill()
        await self._inner.wait()
        self._in.close()

    def _stopped(self) -> EngineFailed:
        return EngineFailed(
            FaultKind.BROKEN,
            f"{self._label} on this server stopped in the middle of its work.",
            "Try again; if it goes on, whoever runs the server looks whether it has memory left.",
        )


class Pool:
    """At most `most` processes of a module; as many as there are cores where that isn't said."""

    def __init__(self, module: str, label: str, most: int | None = None) -> None:
        self._module, self._label = module, label
        self._places = asyncio.Semaphore(most or os.cpu_count() or 1)
        self._free: list[Process] = []
        self._lent: set[Process] = set()
        self._warming: asyncio.Task[None] | None = None

    def warm(self) -> None:
        """Have one ready, if there is none: starting takes a second or more."""
        if not self._free and not self._lent and (self._warming is None or self._warming.done()):
            self._warming = asyncio.create_task(self._warmed())

    async def _warmed(self) -> None:
        # What is wrong is told to the first utterance.
        with suppress(EngineFailed):
            async with self.process():
                pass

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        """A process for one utterance. Raises `EngineFailed` where none becomes free, or none can be started."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise EngineFailed(
                FaultKind.TIMEOUT,
                "This server hears as many callers at once as it can: nothing was free for this one.",
                "Choose an engine for hearing that does not run on this server, such as Deepgram.",
            ) from None
        try:
            process = await self._taken()
            self._lent.add(process)
            is_whole = False
            try:
                yield process
                is_whole = True
            finally:
                self._lent.discard(process)
                if is_whole and process.is_alive:
                    self._free.append(process)
                else:
                    await process.kill()
        finally:
            self._places.release()

    async def _taken(self) -> Process:
        while self._free:
            process = self._free.pop()
            if process.is_alive:
                return process
        # It needs nothing of our environment, least of all its secrets. What goes wrong in it stands in our log.
        inner = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module),
            cwd=_ROOT,
            env={"PATH": os.environ.get("PATH", "")},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        process = Process(inner, self._label)
        try:
            await process.answer(START_SECONDS)
        except BaseException:
            await process.kill()
            raise
        return process

    async def close(self) -> None:
        """End all of them."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        for process in [*self._free, *self._lent]:
            await process.kill()
        self._free.clear()
