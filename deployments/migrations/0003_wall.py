"""Row-level security on the tenant tables of this app, and the doors through it."""

from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door, wall

TABLES = [
    "assistant",
    "assistantversion",
    "conversation",
    "deployment",
    "deploymenttoken",
    "message",
    "person",
    "sessiontoken",
    "turn",
    "visitorsession",
]

# The sweeper leaves a fresh turn to the process that took the message, and one that is claimed to its owner's lease.
DUE_WORK = """
    (SELECT 'turn'::text AS kind, t.workspace_id, t.conversation_id AS id, min(t.created_at) AS since
       FROM deployments_turn t
      WHERE t.status IN ('queued', 'running')
        AND coalesce(t.leased_until, t.created_at + interval '10 seconds') < now()
      GROUP BY t.workspace_id, t.conversation_id
      ORDER BY since LIMIT p_limit)
    UNION ALL
    (SELECT 'tell_members', c.workspace_id, c.id, c.waiting_since
       FROM deployments_conversation c
      WHERE c.control = 'waiting' AND c.members_told_at IS NULL
      ORDER BY c.waiting_since LIMIT p_limit)
    UNION ALL
    (SELECT 'nobody_came', c.workspace_id, c.id, c.waiting_since
       FROM deployments_conversation c
      WHERE c.control = 'waiting' AND c.waiting_since < now() - interval '5 minutes'
      ORDER BY c.waiting_since LIMIT p_limit)
    UNION ALL
    (SELECT 'idle', c.workspace_id, c.id, c.last_activity_at
       FROM deployments_conversation c
      WHERE c.status = 'active' AND c.last_activity_at < now() - interval '24 hours'
      ORDER BY c.last_activity_at LIMIT p_limit)
    ORDER BY since
    LIMIT p_limit
"""

PULSE = """
    SELECT s.id, c.head_seq, c.rev, c.status::text, c.control::text, d.access_rev
      FROM deployments_visitorsession s
      JOIN deployments_conversation c ON c.id = s.conversation_id
      JOIN deployments_deployment d ON d.id = s.deployment_id
     WHERE s.id = ANY(p_sessions)
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0002_initial"), ("workspaces", "0002_wall")]

    operations: ClassVar = [
        *(wall(f"deployments_{table}") for table in TABLES),
        door(
            "resolve_token",
            "p_digest bytea",
            "TABLE(workspace_id uuid, deployment_id uuid, token_id uuid)",
            "SELECT t.workspace_id, t.deployment_id, t.id FROM deployments_deploymenttoken t WHERE t.digest = p_digest",
        ),
        door(
            "resolve_session",
            "p_digest bytea",
            "TABLE(workspace_id uuid, session_id uuid, deployment_id uuid, conversation_id uuid)",
            """SELECT s.workspace_id, s.id, s.deployment_id, s.conversation_id
                 FROM deployments_sessiontoken t JOIN deployments_visitorsession s ON s.id = t.session_id
                WHERE t.digest = p_digest""",
        ),
        door(
            "locate_session",
            "p_session uuid",
            "TABLE(workspace_id uuid, deployment_id uuid)",
            "SELECT s.workspace_id, s.deployment_id FROM deployments_visitorsession s WHERE s.id = p_session",
        ),
        door(
            "due_work",
            "p_limit integer",
            "TABLE(kind text, workspace_id uuid, id uuid)",
            f"SELECT kind, workspace_id, id FROM ({DUE_WORK}) AS due",  # noqa: S608 (constants of this file)
        ),
        door(
            "pulse",
            "p_sessions uuid[]",
            "TABLE(session_id uuid, head_seq integer, rev integer, status text, control text, access_rev integer)",
            PULSE,
        ),
    ]
