"""Who waits for a person, whose mail still leads back, and what is put away until later are not idle."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door

walls = import_module("deployments.migrations.0005_deploying_wall")
earlier = import_module("deployments.migrations.0015_list")

IDLE = "      WHERE c.status = 'active' AND c.last_activity_at < now() - CASE"
NOT_IDLE = """      WHERE c.status = 'active' AND c.control <> 'waiting'
        AND (c.snoozed_until IS NULL OR c.snoozed_until <= now())
        AND NOT EXISTS (SELECT FROM deployments_replymail m
                         WHERE m.conversation_id = c.id AND m.used_at IS NULL AND m.link_until > now())
        AND c.last_activity_at < now() - CASE"""
DUE_WORK = earlier.DUE_WORK.replace(IDLE, NOT_IDLE)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0017_mail")]

    operations: ClassVar = [
        door(
            "due_work",
            "p_limit integer",
            "TABLE(kind text, workspace_id uuid, id uuid)",
            walls.due(DUE_WORK),
            before=walls.due(earlier.DUE_WORK),
        ),
    ]
