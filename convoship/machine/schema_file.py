"""Write `schema.sql`, or see whether it is what the migrations make now.

python -m convoship.machine.schema_file write
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import django
import psycopg
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from convoship.machine import schema
from convoship.machine.postgres import wheel_binaries
from convoship.machine.state import ROOT, MachineError
from convoship.machine.throwaway import ThrowAway

HEAD = """\
-- What the migrations below make in an empty database, in the words of pg_dump: written by `make schema`.
-- Whose it is and who may use it is the work of `migrate`, which loads it as the owner (docs/adr/0013).
"""
# Django fills these after migrating. What a migration wrote into others would be missing where it is left out.
FILLED = ["django_migrations", "django_content_type", "auth_permission"]
# Settings of the session, and commands of psql's.
_SESSION = re.compile(
    r"^(SET [a-z_]+ = .*;|SELECT pg_catalog\.set_config\('search_path'.*;|\\(un)?restrict .*)\n", re.MULTILINE
)
_REMARK = re.compile(r"\n*^--\n-- (Name: |PostgreSQL database dump).*\n--\n\n*", re.MULTILINE)
_VERSIONS = re.compile(r"^-- Dumped .*\n", re.MULTILINE)

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def database(environment: Mapping[str, str], name: str) -> Iterator[str]:
    """An empty database beside that of MIGRATE_DATABASE_URL: gives its owner's URL, and drops it at the end."""
    url = environment["MIGRATE_DATABASE_URL"]
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with connect(url) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(drop)


def connect(url: str) -> Connection:
    """Each statement for itself."""
    return psycopg.connect(f"postgresql://{url.partition('://')[2]}", autocommit=True)


def migrate(environment: Mapping[str, str], url: str, *options: str) -> str:
    """`manage.py migrate` there as the owner, granting rights to the role of DATABASE_URL. Answers what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "--skip-checks", *options],
        cwd=ROOT,
        env={**environment, "MIGRATE_DATABASE_URL": url, "CONVOSHIP_TESTING": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise MachineError(f"The migrations failed.\n{done.stdout}")
    return done.stdout


def made(environment: Mapping[str, str]) -> str:
    """What the file has to be: every migration runs, in a database of its own. Django's settings have to be loaded."""
    with database(environment, "convoship_schema") as url:
        with connect(url) as connection:
            found = _column(connection, schema.EXTENSIONS)
        # For nobody but the owner: `migrate` gives the application its rights wherever the file is loaded.
        migrate({**environment, "DATABASE_URL": url}, url, "--one-by-one")
        with connect(url) as connection:
            _refuse_rows(connection)
            (major,) = _column(connection, schema.SERVER_MAJOR)
            brought = [name for name in _column(connection, schema.EXTENSIONS) if name not in found]
            done = connection.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
            (owner,) = _column(connection, "SELECT current_user::text")
        known = MigrationLoader(None).disk_migrations
        head = [
            f"-- PostgreSQL: {major}",
            f"-- found: {' '.join(found)}",
            f"-- made: {' '.join(brought)}",
            f"-- shared: {schema.fingerprint(schema.SHARED)}",
            *(f"-- migration: {app} {name} {schema.fingerprint_of(known[app, name])}" for app, name in done),
        ]
        return HEAD + "\n".join(head) + "\n\n" + _dump(url, owner)


def _refuse_rows(connection: Connection) -> None:
    tables = _column(
        connection,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname <> ALL(%s)",
        FILLED,
    )
    filled = [t for t in tables if _column(connection, sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(t)))]
    if filled:
        raise MachineError(
            f"Migrations write rows into {', '.join(filled)} of an empty database. schema.sql has no rows: make them "
            "elsewhere (after migrating), or teach convoship/machine/schema_file.py to keep them."
        )


def _dump(url: str, owner: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(f"postgresql://{url.partition('://')[2]}")
    password = str(parts.pop("password"))
    done = subprocess.run(
        [
            str(wheel_binaries() / "pg_dump"),
            *("--schema-only", "--no-owner", "--exclude-extension=*", "--dbname"),
            psycopg.conninfo.make_conninfo("", **parts),
        ],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "PGPASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MachineError(f"pg_dump failed: {done.stderr}")
    text = done.stdout
    text = _REMARK.sub("\n\n", _SESSION.sub("", _VERSIONS.sub("", text)))
    # Here and there another role owns the tables.
    text = re.sub(rf"^(CREATE POLICY .*) TO {owner}\b", r"\1 TO CURRENT_USER", text, flags=re.MULTILINE)
    if owner in text:
        raise MachineError(f"The dump names the role {owner}, which other installations don't have.")
    return text.strip() + "\n"


def _column(connection: Connection, query: Any, *values: object) -> list[str]:
    return [str(row[0]) for row in connection.execute(query, values or None).fetchall()]


def main(arguments: list[str]) -> int:
    """`write`, or `check`: say which migrations the file doesn't know, and fail where there are any."""
    if arguments not in (["write"], ["check"]):
        sys.stderr.write("Say: write, or check\n")
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
    if arguments == ["check"]:
        django.setup()
        behind = schema.Schema(schema.FILE.read_text(encoding="utf-8")).behind(MigrationLoader(None))
        sys.stderr.write("".join(f"{name} is not as schema.sql has it: make schema\n" for name in behind))
        return 1 if behind else 0
    servers = ThrowAway()
    try:
        environment = {**os.environ, **servers.start()}
        os.environ.update(environment, CONVOSHIP_TESTING="1")
        django.setup()
        schema.FILE.write_text(made(environment), encoding="utf-8")
    except MachineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        servers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
