"""What a deployment's numbers count, and when, and what they leave out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convoship.lib.tenancy import tenant
from deployments import figures, visits
from deployments.deploying import NewDeployment
from deployments.figures import PERIODS, Figures
from deployments.models import Conversation, Person, RefusedOrigin
from deployments.visits import VisitorMessage
from tests import factories

# A Wednesday afternoon.
NOW = dt.datetime(2026, 11, 25, 15, 40, tzinfo=dt.UTC)
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


@pytest.fixture
def made(db: None) -> NewDeployment:
    return factories.make_deployment(factories.make_workspace())


def begun(made: NewDeployment, at: dt.datetime, **fields: Any) -> Conversation:
    """A conversation that began then and ended at once, unless told otherwise. Inside `tenant()`."""
    values: dict[str, Any] = {
        "status": "completed",
        "ended_at": at,
        "head_seq": 4,
        "visitor_messages": 2,
        "origin": factories.SHOP,
        **fields,
    }
    assistant = made.deployment.assistant
    assert assistant.published_id is not None
    row = Conversation.objects.create(
        assistant=assistant,
        version_id=assistant.published_id,
        deployment=made.deployment,
        person=values.pop("person", None) or Person.objects.create(),
        channel="web",
        **values,
    )
    Conversation.objects.filter(id=row.id).update(started_at=at, last_activity_at=fields.get("last_activity_at", at))
    return row


def numbers(made: NewDeployment, period: str = "7d") -> figures.Numbers:
    with time_machine.travel(NOW, tick=False):
        return figures.of(made.deployment, PERIODS[period])


def test_every_kind_is_counted_by_its_definition(made: NewDeployment) -> None:
    at = NOW - DAY
    with tenant(made.deployment.workspace_id):
        begun(made, at)
        begun(made, at, person_wanted_at=at)
        begun(made, at, failures=3)
        # Opened and not a word said: no question was answered.
        begun(made, at, visitor_messages=0, head_seq=1, status="abandoned")
        # Quiet for more than an hour is over, quiet for less is not.
        begun(made, at, status="active", ended_at=None, last_activity_at=NOW - HOUR - dt.timedelta(minutes=1))
        begun(made, at, status="active", ended_at=None, last_activity_at=NOW - dt.timedelta(minutes=59))
        found = numbers(made).total
    assert found == Figures(sessions=6, messages=21, spoken=5, settled=4, alone=3, errors=3, failed=1, ended=4)
    assert found.alone_share == 0.75


def test_tests_count_nowhere(made: NewDeployment) -> None:
    with tenant(made.deployment.workspace_id):
        begun(made, NOW - HOUR, is_test=True)
        assert numbers(made).total == Figures()
        assert numbers(made).origins == []
        with time_machine.travel(NOW, tick=False):
            assert figures.of_many([made.deployment.id]) == {made.deployment.id: Figures()}


@pytest.mark.parametrize(
    ("period", "first", "last", "steps"),
    [
        ("24h", dt.datetime(2026, 11, 24, 16), dt.datetime(2026, 11, 25, 15), 24),
        ("7d", dt.datetime(2026, 11, 19), dt.datetime(2026, 11, 25), 7),
        ("30d", dt.datetime(2026, 10, 27), dt.datetime(2026, 11, 25), 30),
        ("90d", dt.datetime(2026, 8, 28), dt.datetime(2026, 11, 25), 90),
    ],
)
def test_a_period_has_all_its_steps_and_ends_with_the_one_that_goes_on(
    made: NewDeployment, period: str, first: dt.datetime, last: dt.datetime, steps: int
) -> None:
    with tenant(made.deployment.workspace_id):
        begun(made, first.replace(tzinfo=dt.UTC))
        begun(made, first.replace(tzinfo=dt.UTC) - dt.timedelta(seconds=1))
        begun(made, NOW - dt.timedelta(minutes=1))
        found = numbers(made, period)
    assert [found.steps[0].at, found.steps[-1].at] == [first.replace(tzinfo=dt.UTC), last.replace(tzinfo=dt.UTC)]
    assert len(found.steps) == steps
    assert [found.steps[0].figures.sessions, found.steps[-1].figures.sessions] == [1, 1]
    assert found.total.sessions == 2


def test_the_period_before_ends_at_the_same_time_of_day(made: NewDeployment) -> None:
    with tenant(made.deployment.workspace_id):
        begun(made, NOW - 7 * DAY - dt.timedelta(minutes=1))
        begun(made, NOW - 7 * DAY + dt.timedelta(minutes=1))
        found = numbers(made)
    assert (found.before.sessions, found.total.sessions) == (1, 0)


def test_a_day_begins_at_midnight_utc(made: NewDeployment) -> None:
    with tenant(made.deployment.workspace_id):
        begun(made, dt.datetime(2026, 11, 24, 23, 59, 59, tzinfo=dt.UTC))
        begun(made, dt.datetime(2026, 11, 25, 0, 0, tzinfo=dt.UTC))
        found = numbers(made)
    assert [step.figures.sessions for step in found.steps[-2:]] == [1, 1]


def test_origins_are_listed_with_the_most_conversations_first_and_the_rest_is_told(made: NewDeployment) -> None:
    with tenant(made.deployment.workspace_id):
        for number in range(3):
            begun(made, NOW - (number + 1) * HOUR, origin="https://b.example")
        begun(made, NOW - HOUR, origin="https://a.example", person_wanted_at=NOW, failures=1)
        begun(made, NOW - HOUR, origin="")
        found = numbers(made)
        with time_machine.travel(NOW, tick=False):
            short = figures.of(made.deployment, PERIODS["7d"], most_origins=1)
    assert [row.origin for row in found.origins] == ["https://b.example", "", "https://a.example"]
    assert found.origins[0].last_at == NOW - HOUR
    assert (found.origins[2].figures.alone_share, found.origins[2].figures.errors) == (0.0, 1)
    assert ([row.origin for row in short.origins], short.more_origins) == (["https://b.example"], 2)


def test_refused_origins_are_those_of_the_period_with_the_day_they_count_from(made: NewDeployment) -> None:
    seen = [(NOW - 20 * DAY, NOW - 2 * DAY, 40), (NOW - HOUR, NOW - HOUR, 2), (NOW - 30 * DAY, NOW - 8 * DAY, 900)]
    with tenant(made.deployment.workspace_id):
        for number, (first, last, count) in enumerate(seen):
            RefusedOrigin.objects.create(
                deployment=made.deployment,
                origin=f"https://{number}.example",
                rule="host_not_listed",
                count=count,
                first_seen_at=first,
                last_seen_at=last,
            )
        found = numbers(made).refused
    assert (found.origins, found.times, found.since) == (2, 42, NOW - 20 * DAY)


def test_several_deployments_take_one_query_and_one_deployment_four(made: NewDeployment) -> None:
    assistant = made.deployment.assistant
    with tenant(made.deployment.workspace_id):
        workspace = made.deployment.workspace
    other = factories.make_deployment(workspace, assistant=assistant, name="Blog")
    with tenant(workspace.id), time_machine.travel(NOW, tick=False):
        begun(made, NOW - HOUR)
        begun(made, NOW - HOUR)
        begun(made, NOW - 8 * DAY)
        with CaptureQueriesContext(connection) as captured:
            found = figures.of_many([made.deployment.id, other.deployment.id])
        assert len(captured) == 1
        assert (found[made.deployment.id].sessions, found[other.deployment.id]) == (2, Figures())
        with CaptureQueriesContext(connection) as captured:
            figures.of(made.deployment)
        assert len(captured) == 4


def test_the_numbers_follow_what_visitors_really_do(made: NewDeployment) -> None:
    for wants_person in (False, True):
        opened = factories.start_session(made, visitor_id="v")
        visit = visits.resolve(opened.token, opened.session.id)
        for number in range(2):
            visits.post(visit, factories.caller(), VisitorMessage(f"m{number}", "hello"))
        if wants_person:
            visits.ask_for_person(visit, factories.caller(), "")
        visits.end(visit, factories.caller())
    factories.start_session(made)
    with tenant(made.deployment.workspace_id):
        found = figures.of(made.deployment).total
        said = sum(Conversation.objects.values_list("head_seq", flat=True))
    assert (found.sessions, found.spoken, found.settled, found.alone) == (3, 2, 2, 1)
    assert found.messages == said
