"""Where secrets may be sent, beside the hosts of their providers."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from convoship.lib.rls import wall


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0006_duty"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecretHost",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=64)),
                ("host", models.CharField(max_length=300)),
                ("granted_by_label", models.CharField(max_length=254)),
                ("granted_at", models.DateTimeField(auto_now_add=True)),
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
                "constraints": [
                    models.UniqueConstraint(fields=("workspace", "key", "host"), name="one_grant_per_host")
                ],
            },
        ),
        wall("workspaces_secrethost"),
    ]
