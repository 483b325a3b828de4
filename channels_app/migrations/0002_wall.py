"""Row-level security on the tenant tables of this app, and the doors through it."""

from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door, wall

TABLES = [
    "connection",
    "connectionsecret",
    "consent",
    "consentchange",
    "conversationlink",
    "delivery",
    "deliveryattempt",
    "inboundevent",
    "refusedrequest",
]

# Workspaces with work, those that wait longest first. What is claimed is left to its owner until the lease ends; what
# a paused connection keeps, and what one whose breaker is open has to send, is not due.
DUE = """
    (SELECT 'event'::text AS kind, e.workspace_id, min(e.due_at) AS since
       FROM channels_app_inboundevent e JOIN channels_app_connection c ON c.id = e.connection_id
      WHERE e.state = 'received' AND e.due_at <= now() AND (e.leased_until IS NULL OR e.leased_until < now())
        AND c.state = 'active'
      GROUP BY e.workspace_id)
    UNION ALL
    (SELECT 'delivery', d.workspace_id, min(d.due_at)
       FROM channels_app_delivery d JOIN channels_app_connection c ON c.id = d.connection_id
      WHERE d.status = 'queued' AND d.due_at <= now() AND (d.leased_until IS NULL OR d.leased_until < now())
        AND c.state = 'active' AND (c.rests_until IS NULL OR c.rests_until <= now())
      GROUP BY d.workspace_id)
    ORDER BY since
    LIMIT p_limit
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("channels_app", "0001_initial"), ("workspaces", "0002_wall")]

    operations: ClassVar = [
        *(wall(f"channels_app_{table}") for table in TABLES),
        door(
            "resolve_connection",
            "p_connection uuid",
            "TABLE(workspace_id uuid, kind text)",
            "SELECT c.workspace_id, c.kind::text FROM channels_app_connection c WHERE c.id = p_connection",
        ),
        door(
            "due_channel_work",
            "p_limit integer",
            "TABLE(kind text, workspace_id uuid)",
            f"SELECT kind, workspace_id FROM ({DUE}) AS due",  # noqa: S608 (a constant of this file)
        ),
    ]
