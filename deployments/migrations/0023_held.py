"""Conversations that go with their workspace, assistant or person are held first. Changes nothing in the database."""

from typing import ClassVar

from django.db import migrations, models

from deployments.models.conversation import held_cascade


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0022_renewals"), ("workspaces", "0006_duty")]

    operations: ClassVar = [
        migrations.AlterField(
            "conversation",
            "assistant",
            models.ForeignKey("deployments.assistant", on_delete=held_cascade, related_name="conversations"),
        ),
        migrations.AlterField(
            "conversation",
            "person",
            models.ForeignKey("deployments.person", on_delete=held_cascade, related_name="conversations"),
        ),
        migrations.AlterField(
            "conversation",
            "workspace",
            models.ForeignKey("workspaces.workspace", on_delete=held_cascade, related_name="+", editable=False),
        ),
    ]
