"""Callbacks are cleared by the sweeper, a conversation says who was proved in it, owners are told of outages."""

import django.db.models.deletion
from django.db import migrations, models

from convoship.lib.rls import door

# An hour after its end (`webhook_callbacks.KEPT`).
DUE_CALLBACKS = """
    SELECT DISTINCT c.workspace_id FROM (
        SELECT workspace_id FROM deployments_webhookcallback
         WHERE expires_at < now() - interval '1 hour' ORDER BY expires_at LIMIT p_limit) c"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0032_outm"),
        ("workspaces", "0007_secret_hosts"),
    ]

    operations = [
        # Empty for those that are there: who was proved in them isn't known, and the next `user_token` tells.
        migrations.AddField(
            model_name="conversation",
            name="proved_as",
            field=models.CharField(blank=True, db_default="", default="", max_length=255),
        ),
        migrations.AddField(
            model_name="budgetnotice",
            name="health",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notices",
                to="deployments.responderhealth",
            ),
        ),
        migrations.AlterField(
            model_name="budgetnotice",
            name="budget",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notices",
                to="deployments.budget",
            ),
        ),
        migrations.AlterField(
            model_name="budgetnotice",
            name="level",
            field=models.CharField(
                choices=[
                    ("near", "Four fifths are taken"),
                    ("spent", "Something was refused"),
                    ("down", "A model or a bot doesn't answer"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetnotice",
            constraint=models.UniqueConstraint(fields=("health",), name="one_notice_of_an_outage"),
        ),
        migrations.AddConstraint(
            model_name="budgetnotice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("budget__isnull", False), ("health", None)),
                    models.Q(("budget", None), ("health__isnull", False)),
                    _connector="OR",
                ),
                name="notice_of_one_thing",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookcallback",
            index=models.Index(fields=["expires_at"], name="webhook_callback_due"),
        ),
        door("due_callbacks", "p_limit integer", "TABLE(workspace_id uuid)", DUE_CALLBACKS),
    ]
