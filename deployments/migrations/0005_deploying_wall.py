"""Row-level security on what deploying brought, the door of previews, and further work that comes due."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door, wall

first = import_module("deployments.migrations.0003_wall")
TABLES = ["identitysecret", "previewtoken", "refusedorigin", "rollout", "tokenuse"]

ORDER = "    ORDER BY since\n    LIMIT p_limit\n"
SILENT = """    UNION ALL
    (SELECT 'silent', c.workspace_id, c.id, c.silent_at
       FROM deployments_conversation c
      WHERE c.silent_at < now()
      ORDER BY c.silent_at LIMIT p_limit)
"""
DUE_WORK = first.DUE_WORK.removesuffix(ORDER) + SILENT + ORDER

# A deployment whose time is over moves the number that open sockets watch, as a change of its access does.
PULSE = first.PULSE.replace(
    "d.access_rev", "d.access_rev + CASE WHEN d.expires_at <= now() THEN 1 ELSE 0 END AS access_rev"
)


def due(body: str) -> str:
    return f"SELECT kind, workspace_id, id FROM ({body}) AS due"  # noqa: S608 (constants of this file)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0004_deploying")]

    operations: ClassVar = [
        *(wall(f"deployments_{table}") for table in TABLES),
        door(
            "resolve_preview",
            "p_digest bytea",
            "TABLE(workspace_id uuid, deployment_id uuid, token_id uuid)",
            """SELECT t.workspace_id, t.deployment_id, t.id FROM deployments_previewtoken t
                WHERE t.digest = p_digest AND t.expires_at > now()""",
        ),
        door(
            "due_work",
            "p_limit integer",
            "TABLE(kind text, workspace_id uuid, id uuid)",
            due(DUE_WORK),
            before=due(first.DUE_WORK),
        ),
        door(
            "pulse",
            "p_sessions uuid[]",
            "TABLE(session_id uuid, head_seq integer, rev integer, status text, control text, access_rev integer)",
            PULSE,
            before=first.PULSE,
        ),
    ]
