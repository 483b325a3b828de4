"""A pytest plugin (`-p tests.servers`, set in pyproject.toml): throw-away PostgreSQL and Valkey around the whole run.

It works before pytest-django reads the settings; a conftest would come too late. Workers of pytest-xdist inherit the
environment and start nothing; each has a database of its own in both servers. With DATABASE_URL and REDIS_URL set,
those servers are used.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from urllib.parse import urlsplit

import pytest

from convoship.machine.state import MachineError
from convoship.machine.throwaway import ThrowAway

_servers: ThrowAway | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """A wrapper, because it comes before pytest-django's own `tryfirst`."""
    global _servers
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        # PostgreSQL's is made in tests/conftest.py.
        number = 1 + int(worker.removeprefix("gw"))
        os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
    elif not _only_tells(early_config):
        _servers = ThrowAway()
        try:
            environment = _servers.start()
        except MachineError as error:
            raise pytest.UsageError(str(error)) from error
        os.environ.update(environment)
        os.environ["CONVOSHIP_TESTING"] = "1"
        # What a person's shell says about their own installation is not for tests.
        for name in ("PUBLIC_BASE_URL", "EMAIL_URL", "DEBUG", "ALLOWED_HOSTS", "CONVOSHIP_STRANGER_SITE_URL"):
            os.environ.pop(name, None)
    return (yield)


def _only_tells(config: pytest.Config) -> bool:
    options = config.known_args_namespace
    return bool(getattr(options, "help", False) or getattr(options, "version", 0))


def pytest_unconfigure() -> None:
    """Stop what we started; were we killed, the kernel does it."""
    global _servers
    if _servers:
        _servers.stop()
        _servers = None
