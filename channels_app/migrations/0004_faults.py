"""Signs of life of workers, and how often what is in hand was cut off."""

import uuid
from typing import ClassVar

from django.db import migrations, models

from convoship.lib.rls import door

# What a worker could take up now, and since when: work that is due, not in anybody's hand, and first in its lane.
BACKLOG = """
    SELECT min(since) FROM (
        SELECT greatest(e.due_at, e.leased_until) AS since
          FROM channels_app_inboundevent e JOIN channels_app_connection c ON c.id = e.connection_id
         WHERE e.state = 'received' AND e.due_at <= now() AND (e.leased_until IS NULL OR e.leased_until < now())
           AND c.state = 'active'
           AND (e.kind = 'status' OR NOT EXISTS (
                 SELECT 1 FROM channels_app_inboundevent b
                  WHERE b.connection_id = e.connection_id AND b.lane = e.lane AND b.state = 'received'
                    AND b.kind <> 'status' AND (b.received_at, b.id) < (e.received_at, e.id)))
        UNION ALL
        SELECT greatest(d.due_at, d.leased_until, c.rests_until)
          FROM channels_app_delivery d JOIN channels_app_connection c ON c.id = d.connection_id
         WHERE d.status = 'queued' AND d.due_at <= now() AND (d.leased_until IS NULL OR d.leased_until < now())
           AND c.state = 'active' AND (c.rests_until IS NULL OR c.rests_until <= now())
           AND NOT EXISTS (SELECT 1 FROM channels_app_delivery p
                            WHERE p.lane = d.lane AND p.position < d.position AND p.status = 'queued')
    ) AS waiting
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("channels_app", "0003_gateway")]

    operations: ClassVar = [
        migrations.AddField("delivery", "cuts", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("inboundevent", "cuts", models.PositiveSmallIntegerField(default=0)),
        migrations.CreateModel(
            name="WorkerBeat",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("looked_at", models.DateTimeField()),
                ("worked_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["looked_at"], name="channels_ap_looked__6e0974_idx")],
            },
        ),
        door("channel_backlog", "", "timestamptz", BACKLOG),
    ]
