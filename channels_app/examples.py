"""Test events: what a connection's other side gets, with made-up content, shown among its deliveries."""

from __future__ import annotations

from channels_app import accounts, enqueueing
from channels_app.models import Connection, Delivery
from convoship.lib.actors import Actor
from convoship.lib.problems import invalid
from workspaces import audit


def types_of(connection: Connection) -> list[str]:
    """The types of events that can be tried."""
    return [planned.what for planned in accounts.to_plan(connection).examples()]


def send(actor: Actor, connection: Connection, what: str = "") -> list[Delivery]:
    """Queue a test event of this type, or of every type; 422 for a type that the connection hasn't."""
    planned = [one for one in accounts.to_plan(connection).examples() if what in ("", one.what)]
    if not planned:
        raise invalid({"what": ["There is no such event to try."]})
    sent = [enqueueing.enqueue_test(connection, one.what, dict(one.content)) for one in planned]
    audit.record(actor, "connection.test_events_sent", connection, events=[one.what for one in planned])
    return sent
