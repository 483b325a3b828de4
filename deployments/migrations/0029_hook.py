"""Bots of the customer's own: what their questions are signed with, and where they call back."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from convoship.lib.rls import door, wall


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0028_know"),
        ("workspaces", "0007_secret_hosts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="assistant",
            name="responder",
            field=models.CharField(
                choices=[("scripted", "Scripted"), ("llm", "Language model"), ("webhook", "Webhook")],
                default="scripted",
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="WebhookCallback",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("answer", models.JSONField(null=True)),
                (
                    "turn",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callbacks",
                        to="deployments.turn",
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
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["workspace", "expires_at"], name="webhook_callback_expiry")],
            },
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("sealed", models.BinaryField()),
                ("hint", models.CharField(max_length=4)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "assistant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhook_secrets",
                        to="deployments.assistant",
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
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["assistant", "-created_at"], name="webhook_secret_of_assistant")],
            },
        ),
        wall("deployments_webhooksecret"),
        wall("deployments_webhookcallback"),
        door(
            "resolve_callback",
            "p_digest bytea",
            "TABLE(workspace_id uuid, id uuid)",
            "SELECT c.workspace_id, c.id FROM deployments_webhookcallback c WHERE c.digest = p_digest",
        ),
    ]
