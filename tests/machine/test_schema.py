"""The schema that is loaded into empty databases is the one that the migrations make, object by object."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker

from convoship.machine import schema, schema_file
from convoship.machine.schema_file import connect, database, migrate
from convoship.machine.state import MachineError

pytestmark = pytest.mark.machine

OURS = "= 'public'::regnamespace"
NO_EXTENSION = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {oid} AND d.deptype = 'e')"


def acl(column: str, kind: str = "", owner: str = "") -> str:
    """Rights in an order of their own; where none were ever given, what that means is spelt out."""
    whole = f"coalesce({column}, acldefault('{kind}', {owner}))" if kind else column
    return f"(SELECT array_agg(a::text ORDER BY a::text) FROM unnest({whole}) a)"


# Each is named for what it tells; the first column says of what.
QUESTIONS = {
    "relations": f"""
        SELECT relname, relkind, relpersistence, reloptions, relrowsecurity, relforcerowsecurity, relreplident,
               relowner::regrole, {acl("relacl", "r", "relowner")}, obj_description(oid, 'pg_class'), reltablespace,
               (SELECT amname FROM pg_am WHERE pg_am.oid = relam)
          FROM pg_class c WHERE relnamespace {OURS} AND {NO_EXTENSION.format(oid="c.oid")}""",
    "columns": f"""
        SELECT attrelid::regclass || '.' || attname, rank() OVER (PARTITION BY attrelid ORDER BY attnum),
               format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation::regcollation,
               attstorage, attcompression, attstattarget, attoptions, {acl("attacl")},
               pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)
          FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
          JOIN pg_class c ON c.oid = attrelid
         WHERE relnamespace {OURS} AND attnum > 0 AND NOT attisdropped AND {NO_EXTENSION.format(oid="c.oid")}""",
    "constraints": f"""
        SELECT conrelid::regclass || ' ' || conname, contype, condeferrable, condeferred, convalidated, conenforced,
               confupdtype, confdeltype, confmatchtype, conindid::regclass, pg_get_constraintdef(oid),
               obj_description(oid, 'pg_constraint')
          FROM pg_constraint WHERE connamespace {OURS}""",
    "indexes": f"""
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid, indisready, indislive, indisunique,
               indisprimary, indisclustered, indisreplident, indnullsnotdistinct
          FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace {OURS}""",
    "functions": f"""
        SELECT oid::regprocedure::text, pg_get_functiondef(oid), proowner::regrole, {acl("proacl", "f", "proowner")},
               obj_description(oid, 'pg_proc')
          FROM pg_proc p WHERE pronamespace {OURS} AND prokind <> 'a' AND {NO_EXTENSION.format(oid="p.oid")}""",
    "policies": """
        SELECT polrelid::regclass || ' ' || polname, polcmd, polpermissive,
               ARRAY(SELECT r::regrole::text FROM unnest(polroles) r ORDER BY 1),
               pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
          FROM pg_policy""",
    "triggers": """
        SELECT tgrelid::regclass || ' ' || tgname, pg_get_triggerdef(oid), tgenabled, tgdeferrable, tginitdeferred
          FROM pg_trigger WHERE NOT tgisinternal""",
    "sequences": f"""
        SELECT seqrelid::regclass::text, format_type(seqtypid, NULL), seqstart, seqincrement, seqmax, seqmin,
               seqcache, seqcycle, refobjid::regclass, attname, deptype
          FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid
          LEFT JOIN pg_depend ON objid = seqrelid AND refobjsubid > 0 AND classid = 'pg_class'::regclass
          LEFT JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
         WHERE relnamespace {OURS}""",
    "types": f"""
        SELECT typname, typtype, typnotnull, typowner::regrole, format_type(typbasetype, typtypmod), typdefault,
               ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder)
          FROM pg_type t WHERE typnamespace {OURS} AND {NO_EXTENSION.format(oid="t.oid")}""",
    "views and rules": f"""
        SELECT ev_class::regclass || ' ' || rulename, pg_get_ruledef(r.oid)
          FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class WHERE relnamespace {OURS}""",
    "statistics": f"""
        SELECT stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxnamespace {OURS}""",
    "text search": f"""
        SELECT cfgname || ' ' || maptokentype, mapseqno, mapdict::regdictionary, cfgowner::regrole, cfgparser
          FROM pg_ts_config JOIN pg_ts_config_map ON mapcfg = oid WHERE cfgnamespace {OURS}""",
    "default rights": f"""
        SELECT defaclobjtype, defaclrole::regrole, defaclnamespace::regnamespace, {acl("defaclacl")}
          FROM pg_default_acl""",
    "schemas": f"""
        SELECT nspname, nspowner::regrole, {acl("nspacl", "n", "nspowner")}, obj_description(oid, 'pg_namespace')
          FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'""",
    "extensions": "SELECT extname, extversion, extnamespace::regnamespace FROM pg_extension",
    "event triggers and publications": """
        SELECT 'event ' || evtname, evtevent, evtenabled FROM pg_event_trigger
        UNION ALL SELECT 'publication ' || pubname, '', 'O' FROM pg_publication""",
    "migrations": "SELECT app || '.' || name FROM django_migrations",
    "content types": "SELECT app_label, model FROM django_content_type",
    "permissions": """
        SELECT app_label, model, codename, name FROM auth_permission p
          JOIN django_content_type t ON t.id = p.content_type_id""",
}


# What PostgreSQL tells of an expression it reads as one of the same meaning that it tells otherwise from then on: the
# cast of a list as a list of casts, and `(a OR b) OR c`, which it makes of two rows that differ, as `a OR b OR c`.
CAST_LIST = re.compile(r"\(ARRAY\[((?:'[^']*'::character varying(?:, )?)+)\]\)::text\[\]")
CAST_VALUE = re.compile(r"('[^']*'::character varying)")
NESTED = re.compile(r"\((\([^()]*\)(?: OR \([^()]*\))+)\) OR ")


def one_way(value: object) -> str:
    """A value of the catalogues as text, told in the later way."""
    text = CAST_LIST.sub(lambda found: "ARRAY[" + CAST_VALUE.sub(r"(\1)::text", found[1]) + "]", str(value))
    while text != (flatter := NESTED.sub(r"\1 OR ", text)):
        text = flatter
    return text


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the catalogues say of a database, and how many rows each table has."""
    with connect(url) as connection:
        told = {
            what: sorted(tuple(one_way(value) for value in row) for row in connection.execute(question))
            for what, question in QUESTIONS.items()
        }
        told["rows"] = [
            (name, str(connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()))
            for name, kind, *_ in told["relations"]
            if kind == "r"
        ]
    return told


@pytest.fixture(scope="module")
def ran() -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """Everything in a database in which every migration ran."""
    with database(os.environ, "one_by_one") as url:
        migrate(os.environ, url, "--one-by-one")
        yield everything(url)


@pytest.fixture
def empty() -> Iterator[str]:
    """An empty database."""
    with database(os.environ, "loaded") as url:
        yield url


@pytest.fixture
def owner(empty: str, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Django's connection of the owner, to the empty database."""
    connection = connections["owner"]
    monkeypatch.setitem(connection.settings_dict, "NAME", empty.rpartition("/")[2])
    with django_db_blocker.unblock():
        connection.close()
        yield connection
        connection.close()


def differences(ran: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """By what they tell: what is only here, and what is only there."""
    found = {
        what: (sorted(set(ran[what]) - set(other[what])), sorted(set(other[what]) - set(ran[what]))) for what in ran
    }
    return {what: both for what, both in found.items() if any(both)}


def test_what_is_loaded_is_what_the_migrations_make(ran: dict[str, Any], empty: str) -> None:
    said = migrate(os.environ, empty)
    assert "No migrations to apply." in said
    assert "one by one" not in said
    assert differences(ran, everything(empty)) == {}
    nothing_yet = {"views and rules", "statistics", "event triggers and publications"}
    assert {what for what in ran if not ran[what]} == nothing_yet, "there is something to compare"


def test_every_kind_of_difference_would_be_seen(empty: str) -> None:
    """The comparison above proves as much as it sees."""
    application = urlsplit(os.environ["DATABASE_URL"]).username
    changes = {
        "relations": "ALTER TABLE workspaces_membership NO FORCE ROW LEVEL SECURITY",
        "columns": "ALTER TABLE workspaces_workspace ALTER name DROP NOT NULL",
        "constraints": "ALTER TABLE deployments_tag ADD CHECK (name <> '')",
        "indexes": "DROP INDEX message_words",
        "functions": "GRANT EXECUTE ON FUNCTION all_workspaces() TO PUBLIC",
        "policies": "ALTER POLICY tenant ON workspaces_membership USING (true)",
        "triggers": "ALTER TABLE deployments_message DISABLE TRIGGER words_of_new_message",
        "sequences": "ALTER SEQUENCE auth_group_id_seq CYCLE",
        "types": "CREATE DOMAIN another AS text",
        "text search": "ALTER TEXT SEARCH CONFIGURATION convoship DROP MAPPING FOR word",
        "default rights": f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {application}",
        "migrations": "DELETE FROM django_migrations WHERE app = 'sessions'",
        "rows": "INSERT INTO auth_group (name) VALUES ('one')",
    }
    with connect(empty) as connection:
        with connection.transaction():
            schema.Schema(schema.FILE.read_text(encoding="utf-8")).load(connection.cursor())
        before = everything(empty)
        for what, change in changes.items():
            connection.execute(change)
            after = everything(empty)
            assert what in differences(before, after), what
            before = after


def test_what_is_newer_than_the_file_is_migrated_after_it(ran: dict[str, Any], empty: str) -> None:
    text = schema.FILE.read_text(encoding="utf-8")
    older = "\n\n".join(part for part in text.split("\n\n") if "django_session" not in part)
    older = re.sub(r"\n-- migration: sessions .*", "", older)
    with connect(empty) as connection, connection.transaction():
        schema.Schema(older).load(connection.cursor())
    assert "Applying sessions.0001_initial... OK" in migrate(os.environ, empty)
    assert differences(ran, everything(empty)) == {}


UNFIT = {
    "another server": ("-- PostgreSQL: 18", "-- PostgreSQL: 17", "PostgreSQL 17 wrote it"),
    "another text of a migration": (
        r"(-- migration: deployments 0003_wall) \w+",
        r"\1 0123456789abcdef",
        "the migration deployments.0003_wall is not what it was",
    ),
    "a migration that has another name now": (
        "-- migration: deployments 0003_wall",
        "-- migration: deployments 0003_walls",
        "the migration deployments.0003_walls is not what it was",
    ),
    "another wall": (r"-- shared: \w+", "-- shared: 0123456789abcdef", "rls.py is not what it was"),
    "a missing extension": ("-- found: ", "-- found: hstore ", "the database has no extension hstore"),
    "no such extension": ("-- made: ", "-- made: nothing_like_it ", 'extension "nothing_like_it" is not available'),
    "no head": ("-- shared: ", "-- sh: ", "its head is spoilt"),
    "a statement that fails": (
        "CREATE FUNCTION public.pulse",
        "CREATE FUNCTION nowhere.pulse",
        '"nowhere" does not exist',
    ),
}


@pytest.mark.parametrize("why", UNFIT)
def test_a_file_that_does_not_fit_is_left_alone_and_said(
    owner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    pattern, instead, words = UNFIT[why]
    text, changes = re.subn(pattern, instead, schema.FILE.read_text(encoding="utf-8"), count=1)
    assert changes == 1
    monkeypatch.setattr(schema, "FILE", tmp_path / "schema.sql")
    schema.FILE.write_text(text, encoding="utf-8")
    assert not schema.load_where_empty(owner)
    said = capsys.readouterr().err
    assert said.startswith("The migrations run one by one")
    assert words in said
    with owner.cursor() as cursor:
        cursor.execute(schema.IS_EMPTY)
        assert cursor.fetchone() == (True,), "nothing of it stays"
        cursor.execute("SHOW search_path")
        assert cursor.fetchone() == ('"$user", public',)


@pytest.mark.parametrize(
    "there",
    [
        "CREATE TABLE django_migrations (id bigint)",
        "CREATE FUNCTION public.pulse() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE TYPE mood AS ENUM ('good')",
        "CREATE VIEW one AS SELECT 1 AS one",
        "CREATE TEXT SEARCH CONFIGURATION convoship (COPY = pg_catalog.simple)",
    ],
)
def test_where_anything_is_there_nothing_is_loaded(owner: Any, there: str) -> None:
    with owner.cursor() as cursor:
        cursor.execute(there)
    assert not schema.load_where_empty(owner)


@pytest.mark.parametrize(
    "options", [["workspaces"], ["workspaces", "0001_initial"], ["--fake"], ["--plan"], ["--check"], ["--one-by-one"]]
)
def test_who_asks_for_something_else_than_all_migrations_gets_that(
    owner: Any, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    def never(_owner: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(schema, "load_where_empty", never)
    monkeypatch.setattr(DjangoMigrate, "handle", lambda *_args, **_options: None)
    call_command("migrate", *options, "--skip-checks")


def test_rows_that_a_migration_writes_are_no_part_of_a_schema(empty: str) -> None:
    with connect(empty) as connection:
        connection.execute("CREATE TABLE plan (name text)")
        schema_file._refuse_rows(connection)
        connection.execute("INSERT INTO plan VALUES ('free')")
        with pytest.raises(MachineError, match="Migrations write rows into plan of an empty database"):
            schema_file._refuse_rows(connection)
