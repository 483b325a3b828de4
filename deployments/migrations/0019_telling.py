"""Mails to members are found apart from what else is due, and claimed with a lease."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations, models

from convoship.lib.rls import door

walls = import_module("deployments.migrations.0005_deploying_wall")
earlier = import_module("deployments.migrations.0018_not_idle")

# `due_work` stays as it is for the release before this one, which finds these mails through it.
TELL_MEMBERS = """    UNION ALL
    (SELECT 'tell_members', c.workspace_id, c.id, c.waiting_since
       FROM deployments_conversation c
      WHERE c.control = 'waiting' AND c.members_told_at IS NULL
      ORDER BY c.waiting_since LIMIT p_limit)
"""
DUE_STEPS = earlier.DUE_WORK.replace(TELL_MEMBERS, "")

DUE_MEMBER_MAILS = """
    SELECT c.workspace_id, c.id FROM deployments_conversation c
     WHERE c.control = 'waiting' AND c.members_told_at IS NULL
       AND (c.telling_until IS NULL OR c.telling_until < now())
       AND (c.members_mailed_at IS NULL OR c.members_mailed_at < now() - interval '5 minutes')
     ORDER BY c.waiting_since LIMIT p_limit"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0018_not_idle")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="conversation",
            name="telling_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="members_mailed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        door("due_steps", "p_limit integer", "TABLE(kind text, workspace_id uuid, id uuid)", walls.due(DUE_STEPS)),
        door("due_member_mails", "p_limit integer", "TABLE(workspace_id uuid, id uuid)", DUE_MEMBER_MAILS),
    ]
