"""Sources of knowledge are read fairly: of each workspace one, the workspace first that has waited longest."""

from django.db import migrations, models

from convoship.lib.rls import door

DUE = """
    WITH due AS (
        SELECT s.workspace_id, s.id, s.due_at,
               row_number() OVER (PARTITION BY s.workspace_id ORDER BY s.due_at, s.id) AS place
          FROM deployments_knowledgesource s
         WHERE s.due_at <= now() AND coalesce(s.leased_until, '-infinity') < now()
    ), served AS (
        SELECT t.workspace_id, max(t.tried_at) AS at FROM deployments_knowledgesource t
         WHERE t.workspace_id IN (SELECT due.workspace_id FROM due) GROUP BY t.workspace_id
    )
    SELECT due.workspace_id, due.id FROM due JOIN served USING (workspace_id)
     ORDER BY due.place, served.at NULLS FIRST, due.due_at LIMIT p_limit"""
DUE_BEFORE = """SELECT s.workspace_id, s.id FROM deployments_knowledgesource s
                WHERE s.due_at <= now() AND coalesce(s.leased_until, '-infinity') < now()
                ORDER BY s.due_at LIMIT p_limit"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0031_money"),
    ]

    operations = [
        migrations.AddField(
            model_name="knowledgesource",
            name="tried_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        door("due_knowledge", "p_limit integer", "TABLE(workspace_id uuid, id uuid)", DUE, before=DUE_BEFORE),
    ]
