"""Answers that wait are given by processes of their own: how they find them, and their signs of life."""

import uuid
from typing import ClassVar

from django.db import migrations, models

from convoship.lib.rls import door

# Those whose owner is dead, and those that nobody has begun. One that came while an earlier one of its conversation is
# being answered is left to whoever answers that.
DUE_ANSWERS = """
    SELECT t.workspace_id, t.conversation_id FROM deployments_turn t
     WHERE t.status IN ('queued', 'running')
     GROUP BY t.workspace_id, t.conversation_id
    HAVING bool_and(t.leased_until IS NULL OR t.leased_until < now())
     ORDER BY min(t.created_at) LIMIT p_limit"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0033_secm")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="AnswererBeat",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("looked_at", models.DateTimeField()),
            ],
            options={"indexes": [models.Index(fields=["looked_at"], name="answerer_looked")]},
        ),
        door("due_answers", "p_limit integer", "TABLE(workspace_id uuid, id uuid)", DUE_ANSWERS),
    ]
