"""Three weeks of a shop, put into the running product by `manage.py shell`; DEPLOYMENT_ID is filled in.

Numbers need a past, and a script has only a minute: so these rows are made here and not by visitors.
"""

import datetime as dt
import random
from typing import Any

from django.utils import timezone

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import rollouts
from deployments.models import Assistant, Conversation, Deployment, Person, RefusedOrigin
from deployments.rollouts import Tried
from workspaces.members import workspaces_of
from workspaces.models import User

ORIGINS = ["https://www.harbourandpine.example"] * 3 + ["https://shop.harbourandpine.example", ""]
dice, now = random.Random(4), timezone.now()


def talk(row: Deployment, at: dt.datetime, wanted: float, **more: Any) -> None:
    """A conversation that has ended; a person was wanted in so many of all."""
    assert row.assistant.published is not None
    made = Conversation.objects.create(
        assistant=row.assistant,
        version=row.assistant.published,
        deployment=row,
        person=Person.objects.create(),
        channel="web",
        status="completed",
        ended_at=at,
        head_seq=dice.randrange(3, 14),
        visitor_messages=dice.choice([1, 2, 3, 4]),
        failures=int(dice.random() < 0.02),
        origin=dice.choice(ORIGINS),
        person_wanted_at=at if dice.random() < wanted else None,
        **more,
    )
    Conversation.objects.filter(id=made.id).update(started_at=at, last_activity_at=at)


for workspace_id in {found for user in User.objects.all() for found in workspaces_of(user)}:
    with tenant(workspace_id):
        row = Deployment.objects.select_related("assistant").filter(id="DEPLOYMENT_ID").first()
        if row is None:
            continue
        for _ in range(420):
            talk(row, now - dt.timedelta(hours=1 + dice.random() * 24 * 20), 0.2)
        RefusedOrigin.objects.create(
            deployment=row,
            origin="https://harbourandpine.example",
            rule="host_not_listed",
            page="https://harbourandpine.example/sale",
            count=42,
            first_seen_at=now - dt.timedelta(days=4),
            last_seen_at=now,
        )
        running = rollouts.start(SYSTEM, row, Tried(theme={"primaryColor": "#0a6640"}), share=30)
        for variant, count, wanted in (("a", 150, 0.4), ("b", 90, 0.05)):
            for _ in range(count):
                talk(row, now - dt.timedelta(minutes=2), wanted, rollout_id=running.id, variant=variant)
        failing = {"utterance": "do you have gift wrapping", "expected": "Delivery"}
        Assistant.objects.filter(id=row.assistant_id).update(test_cases=[*row.assistant.test_cases, failing])
