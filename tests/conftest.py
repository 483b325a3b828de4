"""The test database: made and migrated by the owner, used as the application role, so that tests run under row-level
security as the product does."""

from __future__ import annotations

import os
import time
from collections.abc import Generator

import psycopg
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import close_old_connections, connections
from django.template import Context, Template
from django.test import TransactionTestCase
from django.test.signals import template_rendered
from django.utils.safestring import SafeString
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from channels_app import bell
from deployments import tallies

# Filled by migrations and by Django itself; without them later tests would lack permissions and content types.
KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission")

# How long examples take, to be made or tried, says how busy the machine is.
hypothesis_settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("busy")


@pytest.fixture(autouse=True)
def tallies_by_hand(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Counts are written when a test asks for it: a timer's connection would not see the test's transaction."""
    monkeypatch.setattr(tallies, "FLUSH_SECONDS", None)
    yield
    tallies.forget()


@pytest.fixture(autouse=True)
def no_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is told of work: a test drains when it wants to."""
    monkeypatch.setattr(bell, "ring", lambda: None)


@pytest.fixture(scope="session", autouse=True)
def threads_give_connections_back() -> Generator[None]:
    """As in the product. Channels' communicators keep them open, one for each thread: more than the pool has."""
    patch = pytest.MonkeyPatch()
    patch.setattr("channels.testing.application.no_op", close_old_connections)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def static_files_are_listed_once() -> Generator[None]:
    """Each test client loads the middleware anew, and WhiteNoise with it walks every folder of static files.

    The first walk does for all: no test adds a static file or sets where they are.
    """
    walk = WhiteNoiseMiddleware.add_files_from_finders
    listed: dict[str, object] = {}

    def remembered(self: WhiteNoiseMiddleware) -> None:
        if not listed:
            walk(self)
            listed.update(self.files)
        self.files.update(listed)

    patch = pytest.MonkeyPatch()
    patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", remembered)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def only_whole_pages_are_remembered(django_test_environment: None) -> Generator[None]:
    """Django's test client keeps a copy of every template's context, and a page has up to a thousand parts.

    `answer.context` knows what the page itself was given; nothing asks for what its parts were.
    """

    def render(self: Template, context: Context) -> SafeString:
        if context.template is self:
            template_rendered.send(sender=self, template=self, context=context)
        return self.nodelist.render(context)

    patch = pytest.MonkeyPatch()
    patch.setattr(Template, "_render", render)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def passwords_are_hashed_quickly() -> Generator[None]:
    """By Argon2 as in the product, with as little work as it takes: a tenth of a second for each password else."""
    patch = pytest.MonkeyPatch()
    for name, least in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
        patch.setattr(Argon2PasswordHasher, name, least)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Generator[None]:
    """One database for each pytest-xdist worker."""
    owner, default = connections["owner"], connections["default"]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    name = "test_convoship" + (f"_{worker}" if worker else "")
    before = owner.settings_dict["NAME"]
    with django_db_blocker.unblock():
        owner.settings_dict["TEST"]["NAME"] = name
        owner.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        owner.close()
        _close(default)
        default.settings_dict["NAME"] = name
    patch = pytest.MonkeyPatch()
    # One connection for all: it signs in once, and plans once how it looks for rows that refer to those it deletes.
    with _owner_connection(name) as connection:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _test: _empty(connection))
        yield
        patch.undo()
    with django_db_blocker.unblock():
        _close(default)
        owner.close()
        default.settings_dict["NAME"] = before
        _drop(name, before)
        owner.settings_dict["NAME"] = before


def _owner_connection(database: str) -> psycopg.Connection[tuple[object, ...]]:
    settings = connections["owner"].settings_dict
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=database,
        autocommit=True,
    )


def _empty(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Delete what a test with `transaction=True` left behind, as the owner: the application role may not delete all.

    DELETE, because that is a few rows: TRUNCATE makes new files for each table, each index and each table that refers
    to one, which takes longer than most tests. Like it, this waits for whoever still is in a transaction, and fails
    where that one does not end.
    """
    # Each asynchronous test has an event loop of its own, whose threads die with the connections they borrowed. The
    # product has one loop for life and loses none; here every test gets a new pool.
    _close(connections["default"])
    # A file of size zero holds no row, whatever row-level security would let us see of it. What is deleted of files
    # leaves rows in another table, by a trigger: it is emptied after theirs.
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relowner = current_user::regrole AND NOT relname = ANY(%s)"
        " AND (pg_relation_size(oid) > 0 OR relname = 'deployments_gonefile')"
        # Who writes in a conversation takes this one first, and so waits here before it holds another.
        " ORDER BY relname <> 'deployments_conversation'",
        [list(KEPT_TABLES)],
    ).fetchall()
    if not tables:
        return
    names = [sql.Identifier(str(row[0])) for row in tables]
    _wait_for_others(connection)
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '10s'")
        connection.execute(sql.SQL("LOCK TABLE {}").format(sql.SQL(", ").join(names)))
        # What refers to what is looked at when all are gone.
        connection.execute("SET CONSTRAINTS ALL DEFERRED")
        connection.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(name) for name in names))


def _wait_for_others(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Until nobody else is in a transaction, as an answer under way at a test's end is, in a thread that outlives it.

    Locking every table while it still takes its own, in another order, would be a deadlock.
    """
    deadline = time.monotonic() + 10
    held = (
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
        " WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND l.pid <> pg_backend_pid() AND c.relnamespace = 'public'::regnamespace"
        " AND l.mode <> 'ShareUpdateExclusiveLock')"  # that of autovacuum
    )
    while connection.execute(held).fetchone() == (True,) and time.monotonic() < deadline:
        time.sleep(0.01)


def _close(connection: object) -> None:
    connection.close()  # type: ignore[attr-defined]
    connection.close_pool()  # type: ignore[attr-defined]


def _drop(name: str, maintenance: str) -> None:
    """Best effort: throw-away servers go away as a whole."""
    try:
        with _owner_connection(maintenance) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        print(f"The test database {name} stays: {error}")
