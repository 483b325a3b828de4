"""The browser tests run against the real product, started as a person starts it, in a real Chromium."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from convoship.machine import packages, ports
from tests.driver import Up, clean_environment, wait_for


@dataclass
class Product:
    """The running product, for tests that click on it and pull its plugs."""

    up: Up

    @property
    def base_url(self) -> str:
        """Where it serves."""
        return self.up.base_url

    @cached_property
    def stranger_url(self) -> str:
        """The site on another origin."""
        return str(self.up.run["environment"]["CONVOSHIP_STRANGER_SITE_URL"])

    @cached_property
    def sign_in_url(self) -> str:
        """The one-time link it printed; whoever opens it first has used it."""
        return self.up.says("Sign in (works once)").split()[-1]

    @cached_property
    def demo(self) -> dict[str, Any]:
        """One demo workspace for all tests: CONTRACT section 9."""
        return self.new_demo()

    def new_demo(self) -> dict[str, Any]:
        """Another demo workspace, for a test that changes it."""
        answer: dict[str, Any] = json.loads(self.up.manage("demo", "--json"))
        return answer

    def manage(self, *arguments: str) -> str:
        """A command in a second terminal."""
        return self.up.manage(*arguments)

    def page_with(self, snippet: str) -> str:
        """The address of a page on the stranger's site with this snippet in it, verbatim."""
        name = uuid.uuid4()
        (self.up.folder / "stranger" / f"{name}.html").write_text(snippet, encoding="utf-8")
        return f"{self.stranger_url}/demo/{name}"

    def kill_web(self) -> None:
        """Kill the web server; the supervisor starts another, which this does not wait for."""
        self.up.kill("web")

    def wait_web(self) -> None:
        """Wait until the web server answers."""
        wait_for("the web server answers", self.up.answers)

    def restart_web(self) -> None:
        """Kill the web server and wait for the next one."""
        self.kill_web()
        self.wait_web()

    def kill(self, name: str) -> None:
        """Kill another child: worker, beat, Valkey, PostgreSQL, stranger."""
        self.up.kill(name)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """`manage.py up` in a folder of its own; CONVOSHIP_E2E_ENV adds variables (JSON)."""
    base = Path(tempfile.mkdtemp(prefix="convoship-e2e-"))
    # As root the database's user has to pass through.
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)
    more = json.loads(os.environ.get("CONVOSHIP_E2E_ENV", "{}"))
    up = Up(base / "local", environment=clean_environment(PORT=str(ports.free()), **more))
    try:
        yield Product(up.is_up())
    finally:
        up.close()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium, told to stay on this machine; Playwright's own would be downloaded."""
    return {
        **browser_type_launch_args,
        "executable_path": packages.chromium(),
        "args": [
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--disable-quic",
        ],
    }
