"""The schema that all migrations make, kept in `schema.sql` and loaded into a database that is empty (docs/adr/0013).

Going through every migration takes fifteen seconds of computing, nearly all of it Django's picture of the models
between two of them; what comes out takes PostgreSQL one. `migrate` runs afterwards in any case, and does what is newer
than the file. A file that does not fit the code or the server is left alone: that costs time, never another schema.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import Error, transaction
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from convoship.machine.state import ROOT

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

FILE = ROOT / "convoship" / "machine" / "schema.sql"
# What migrations are written with: where it changes they may make something else, though their own text stays.
SHARED = ROOT / "convoship" / "lib" / "rls.py"
EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname"
SERVER_MAJOR = "SELECT current_setting('server_version_num')::int / 10000"
# Nothing in `public` but what extensions brought. The types of tables and arrays come with what they belong to.
IS_EMPTY = """
WITH ours AS (
    SELECT 'pg_class'::regclass AS kind, oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE cfgnamespace = 'public'::regnamespace
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type
               WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e') AND typelem = 0
)
SELECT NOT EXISTS (SELECT FROM ours o WHERE NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = o.kind AND d.objid = o.oid AND d.deptype = 'e'))
"""


class Unfit(Exception):
    """Why the file can't be loaded here, in plain words."""


class Schema:
    """What `schema.sql` says: in its head what made it (`-- word: value`), after an empty line the statements."""

    def __init__(self, text: str) -> None:
        head, _, self.statements = text.partition("\n\n")
        said: dict[str, list[str]] = {}
        for line in head.splitlines():
            word, _, value = line.removeprefix("-- ").partition(": ")
            said.setdefault(word, []).append(value)
        try:
            (major,), (found,), (made,), (shared,) = (said[w] for w in ("PostgreSQL", "found", "made", "shared"))
            split = [line.split() for line in said["migration"]]
            self.migrations = {(app, name): text for app, name, text in split}  # in the order they ran
            self.major = int(major)
        except (KeyError, ValueError) as error:
            raise Unfit(f"its head is spoilt ({error!r})") from error
        self.found, self.made, self.shared = set(found.split()), made.split(), shared

    def behind(self, loader: MigrationLoader) -> list[str]:
        """What the file has not, or has as it was once; and the migrations that only the file has."""
        now = {key: fingerprint_of(migration) for key, migration in loader.disk_migrations.items()}
        names = {".".join(key) for key, _text in set(now.items()) ^ set(self.migrations.items())}
        return sorted(names | ({SHARED.name} if self.shared != fingerprint(SHARED) else set()))

    def check(self, cursor: Any, loader: MigrationLoader) -> None:
        """Raise `Unfit` where the migrations of today would make something else here. Newer ones are no reason."""
        cursor.execute(SERVER_MAJOR)
        if cursor.fetchone() != (self.major,):
            raise Unfit(f"PostgreSQL {self.major} wrote it")
        if self.shared != fingerprint(SHARED):
            raise Unfit(f"{SHARED.name} is not what it was")
        for key, was in self.migrations.items():
            migration = loader.disk_migrations.get(key)
            if migration is None or fingerprint_of(migration) != was:
                raise Unfit(f"the migration {'.'.join(key)} is not what it was")
        # Some migrations do without an extension that they don't find, and make something else then.
        cursor.execute(EXTENSIONS)
        missing = self.found - {name for (name,) in cursor.fetchall()}
        if missing:
            raise Unfit(f"the database has no extension {', '.join(sorted(missing))}")

    def load(self, cursor: Any) -> None:
        """Run the statements in the caller's transaction, and note the migrations as done."""
        for name in self.made:
            cursor.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public").format(sql.Identifier(name)))
        # As pg_dump has it: each name says its schema, and a function may speak of what comes after it.
        cursor.execute("SET LOCAL search_path = ''; SET LOCAL check_function_bodies = off")
        cursor.execute(self.statements)
        for key in self.migrations:
            cursor.execute("INSERT INTO public.django_migrations (app, name, applied) VALUES (%s, %s, now())", key)
        cursor.execute("SET LOCAL search_path TO DEFAULT; SET LOCAL check_function_bodies TO DEFAULT")


def load_where_empty(owner: BaseDatabaseWrapper) -> bool:
    """Load the file into a database that has nothing yet; whether that was done.

    What doesn't fit is said on standard error, and leaves the database as it was.
    """
    with owner.cursor() as cursor:
        cursor.execute(IS_EMPTY)
        if cursor.fetchone() != (True,):
            return False
    try:
        schema = Schema(FILE.read_text(encoding="utf-8"))
        with transaction.atomic(using=owner.alias), owner.cursor() as cursor:
            schema.check(cursor, MigrationLoader(owner))
            schema.load(cursor)
    except (OSError, UnicodeError, Unfit, Error, psycopg.Error) as error:
        sys.stderr.write(f"The migrations run one by one, because {FILE.name} doesn't fit: {str(error).strip()}\n")
        return False
    return True


def fingerprint_of(migration: Any) -> str:
    """Of the text of a migration's module."""
    return fingerprint(Path(sys.modules[type(migration).__module__].__file__ or ""))


def fingerprint(path: Path) -> str:
    """Enough of SHA-256 to see a change."""
    return sha256(path.read_bytes()).hexdigest()[:16]
