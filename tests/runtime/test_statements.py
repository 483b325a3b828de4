"""What a visitor's message costs the database."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import deploying, tallies, visits
from deployments.admission import Caller
from deployments.deploying import NewDeployment
from deployments.models import Conversation, Message
from deployments.sessions import OpenedSession
from deployments.visits import VisitorMessage
from tests import factories

EVERY_SETTING = {
    "label": "production",
    "limits": {"sessions_per_hour": 100, "messages_per_minute": 100, "message_characters": 100},
    "languages": ["en", "de"],
    "hours_text": "Monday to Friday, 9 to 17.",
    "expires_at": timezone.now() + dt.timedelta(days=300),
}


def statements_of_a_message(opened: OpenedSession, client_id: str) -> list[str]:
    caller = Caller(factories.SHOP, "127.0.0.1")
    with CaptureQueriesContext(connection) as captured:
        visits.by_token(visits.post, opened.token, opened.session.id, caller, VisitorMessage(client_id, "hello"))
    return [query["sql"] for query in captured.captured_queries]


@pytest.fixture
def made(db: None) -> NewDeployment:
    return factories.make_deployment(factories.make_workspace())


def test_a_deployments_settings_cost_a_message_no_statement(made: NewDeployment) -> None:
    opened = factories.start_session(made)
    before = statements_of_a_message(opened, "one")
    with tenant(made.deployment.workspace_id):
        deploying.change(SYSTEM, made.deployment, EVERY_SETTING)
    statements_of_a_message(opened, "two")  # the limits are known from here on
    assert len(statements_of_a_message(opened, "three")) == len(before)


def test_a_message_and_its_answer_take_so_many_statements_and_no_more(made: NewDeployment) -> None:
    said = statements_of_a_message(factories.start_session(made), "one")
    # Whose token, begin, tenant and lock, who may, what stands, messages, conversation, turn, tenant again, end.
    assert len(said) <= 10, "\n".join(said)


def test_counting_costs_a_visitor_no_statement(made: NewDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            factories.start_session(made)
        return len(captured)

    factories.start_session(made)
    counting = statements()
    for name in ("used", "refused"):
        monkeypatch.setattr(tallies, name, lambda *_, **__: None)
    assert counting == statements()


# --- Prepared statements ---------------------------------------------------------------------------------------------


def planned() -> dict[str, tuple[int, int]]:
    """How often each statement that this connection has prepared was run by a plan kept, and by one made for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, generic_plans, custom_plans FROM pg_prepared_statements")
        return {name: (kept, made) for name, kept, made in cursor.fetchall()}


def test_the_statements_of_a_message_are_planned_once_for_a_connection(made: NewDeployment) -> None:
    opened = factories.start_session(made)
    for client_id in ("one", "two", "three"):
        statements_of_a_message(opened, client_id)
    before = planned()
    said = [sql for client_id in ("four", "five") for sql in statements_of_a_message(opened, client_id)]
    after = planned()
    assert after.keys() == before.keys()
    assert {made_for_it for _, made_for_it in after.values()} == {0}
    kept = sum(after[name][0] - before[name][0] for name in after)
    assert kept == len([sql for sql in said if "SAVEPOINT" not in sql])


def test_behind_a_pooler_that_lends_by_the_transaction_nothing_is_prepared(made: NewDeployment, settings: Any) -> None:
    settings.DATABASE_PREPARES = False
    opened = factories.start_session(made)
    before = planned()
    statements_of_a_message(opened, "one")
    assert planned() == before


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_migration_under_way_costs_a_visitor_no_message() -> None:
    made = factories.make_deployment(factories.make_workspace())
    opened = factories.start_session(made)
    for client_id in ("one", "two", "three", "four"):
        statements_of_a_message(opened, client_id)
    field: Any = Conversation._meta.get_field("handoff_reason")

    def widen(length: int) -> None:
        with connections["owner"].cursor() as owner:
            owner.execute(f"ALTER TABLE deployments_conversation ALTER handoff_reason TYPE varchar({length})")

    widen(field.max_length + 1)
    try:
        assert any("ROLLBACK" in sql for sql in statements_of_a_message(opened, "five"))
    finally:
        widen(field.max_length)
    with tenant(made.deployment.workspace_id):
        assert Message.objects.filter(client_id="five").count() == 1
