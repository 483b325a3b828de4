"""Language models may answer, and how it goes for them is kept."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from convoship.lib.rls import wall


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0025_wtemplates"),
        ("workspaces", "0007_secret_hosts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="assistant",
            name="responder",
            field=models.CharField(
                choices=[("scripted", "Scripted"), ("llm", "Language model")], default="scripted", max_length=12
            ),
        ),
        migrations.CreateModel(
            name="ResponderHealth",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("code", models.CharField(blank=True, max_length=20)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("remedy", models.CharField(blank=True, max_length=300)),
                ("count", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "assistant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="health", to="deployments.assistant"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "responder health",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        wall("deployments_responderhealth"),
    ]
