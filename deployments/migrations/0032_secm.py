"""Callbacks are cleared by the sweeper."""

from django.db import migrations, models

from convoship.lib.rls import door

# An hour after its end (`webhook_callbacks.KEPT`).
DUE_CALLBACKS = """
    SELECT DISTINCT c.workspace_id FROM (
        SELECT workspace_id FROM deployments_webhookcallback
         WHERE expires_at < now() - interval '1 hour' ORDER BY expires_at LIMIT p_limit) c"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0031_money"),
        ("workspaces", "0007_secret_hosts"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="webhookcallback",
            index=models.Index(fields=["expires_at"], name="webhook_callback_due"),
        ),
        door("due_callbacks", "p_limit integer", "TABLE(workspace_id uuid)", DUE_CALLBACKS),
    ]
