"""`manage.py lint`: every check that reads the code without running the product. All run, two at a time; failures come
last. What a check has to say comes when it is done, so that no two speak at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from convoship.machine import node, openapi
from convoship.machine.console import bold, complain, dim, say
from convoship.machine.state import ROOT, MachineError
from convoship.machine.throwaway import ThrowAway

Check = tuple[str, Callable[[], bool]]
AT_ONCE = 2


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
    colours = {"FORCE_COLOR": "1"} if sys.stdout.isatty() and "NO_COLOR" not in os.environ else {}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **colours, **(environment or {})},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.stdout.strip():
        say(done.stdout.rstrip())
    return done.returncode == 0


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
    """The checks: that which takes longest, beside it the others, of which the quick ones are first."""
    yield "mypy", _tool("mypy", "--no-error-summary")
    yield "ruff format", _tool("ruff", "format", "--check", "--quiet", ".")
    yield "ruff check", _tool("ruff", "check", "--quiet", ".")
    yield "import-linter", _script("lint-imports", "--no-logo")
    yield "djlint", _templates
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


def _judged(name: str, check: Callable[[], bool]) -> tuple[str, bool]:
    started = time.monotonic()
    try:
        passed = check()
    except MachineError as error:
        complain(str(error))
        passed = False
    say(f"{'ok    ' if passed else bold('FAILED')} {name} {dim(f'{time.monotonic() - started:.1f} s')}")
    return name, passed


def main(arguments: list[str]) -> int:
    """Run all checks, or those whose names are given."""
    chosen = [(name, check) for name, check in checks() if not arguments or any(word in name for word in arguments)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        failed = [name for name, passed in threads.map(lambda each: _judged(*each), chosen) if not passed]
    if failed:
        complain(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0
