"""`manage.py lint`: every check that reads the code without running the product. All run; failures come last."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from convoship.machine import node, openapi
from convoship.machine.console import bold, complain, dim, say
from convoship.machine.state import ROOT, MachineError
from convoship.machine.throwaway import ThrowAway

Check = tuple[str, Callable[[], bool]]


def settings_environment() -> dict[str, str]:
    """Enough for the settings to load; nothing answers at these addresses, and nothing asks."""
    return {
        "CONVOSHIP_TESTING": "1",
        "SECRET_KEY": "lint",
        "CONVOSHIP_SECRETS_KEYS": "bGludC1saW50LWxpbnQtbGludC1saW50LWxpbnQtMTI=",
        "DATABASE_URL": "postgres://app:none@127.0.0.1:9/none",
        "MIGRATE_DATABASE_URL": "postgres://owner:none@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }


def _runs(*command: str, environment: dict[str, str] | None = None) -> bool:
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}, check=False).returncode == 0


def _tool(name: str, *arguments: str) -> Callable[[], bool]:
    return lambda: _runs(sys.executable, "-m", name, *arguments, environment=settings_environment())


def _script(name: str, *arguments: str) -> Callable[[], bool]:
    return lambda: _runs(str(ROOT / ".venv" / "bin" / name), *arguments)


def _templates() -> bool:
    files = [*(ROOT / "templates").rglob("*.html")]
    return not files or _runs(sys.executable, "-m", "djlint", "templates", "--lint", "--quiet")


def _migrations() -> bool:
    servers = ThrowAway()
    try:
        environment = {"CONVOSHIP_TESTING": "1", **servers.start()}
        return _runs(sys.executable, "manage.py", "makemigrations", "--check", "--dry-run", environment=environment)
    finally:
        servers.stop()


def _deploy() -> bool:
    """Django's own list for production, with settings as in production."""
    return _runs(
        *(sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        environment={
            **settings_environment(),
            "CONVOSHIP_TESTING": "",
            "SECRET_KEY": "a-key-of-lint-alone-that-is-long-enough-for-djangos-own-check-0123456789",
            "PUBLIC_BASE_URL": "https://convoship.example",
            "EMAIL_URL": "smtp://127.0.0.1:25",
        },
    )


def _openapi() -> bool:
    if openapi.is_fresh({**os.environ, **settings_environment()}):
        return True
    complain("docs/openapi.json is not what the code says now: make openapi")
    return False


def checks() -> Iterator[Check]:
    """The checks, the quick ones first."""
    yield "ruff format", _tool("ruff", "format", "--check", "--quiet", ".")
    yield "ruff check", _tool("ruff", "check", "--quiet", ".")
    yield "import-linter", _script("lint-imports", "--no-logo")
    yield "djlint", _templates
    yield "mypy", _tool("mypy", "--no-error-summary")
    yield "makemigrations --check", _migrations
    yield "schema.sql is fresh", _tool("convoship.machine.schema_file", "check")
    yield "check --deploy", _deploy
    if openapi.DOCUMENT.exists():
        yield "docs/openapi.json", _openapi
    scripts = node.scripts()
    if "check" in scripts:
        yield "tsc", lambda: node.main(["run", "--silent", "check"]) == 0
    if "fresh" in scripts:
        yield "static/widget is fresh", lambda: node.main(["run", "--silent", "fresh"]) == 0


def main(arguments: list[str]) -> int:
    """Run all checks, or those whose names are given."""
    failed = []
    for name, check in checks():
        if arguments and not any(word in name for word in arguments):
            continue
        started = time.monotonic()
        try:
            passed = check()
        except MachineError as error:
            complain(str(error))
            passed = False
        say(f"{'ok    ' if passed else bold('FAILED')} {name} {dim(f'{time.monotonic() - started:.1f} s')}")
        if not passed:
            failed.append(name)
    if failed:
        complain(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0
