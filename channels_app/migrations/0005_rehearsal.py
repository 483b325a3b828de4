"""Rehearsals: connections that talk with a stand-in of ours."""

import uuid
from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from convoship.lib.rls import wall


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("channels_app", "0004_faults"),
        ("workspaces", "0005_secretpages"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="connection",
            name="is_rehearsal",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="Rehearsal",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("fault", models.CharField(blank=True, max_length=20)),
                ("fault_calls", models.PositiveSmallIntegerField(default=None, null=True)),
                (
                    "reports",
                    models.CharField(
                        choices=[
                            ("straight", "One after the other"),
                            ("twice", "Each of them twice"),
                            ("shuffled", "The last one first"),
                            ("never", "Not at all"),
                        ],
                        default="straight",
                        max_length=10,
                    ),
                ),
                ("opted_out", models.JSONField(default=list)),
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rehearsal",
                        to="channels_app.connection",
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
            },
        ),
        migrations.CreateModel(
            name="RehearsalLine",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("said", "The other side wrote"),
                            ("again", "The other side sent the same again"),
                            ("aside", "The provider answered by itself"),
                            ("caught", "Convoship sent"),
                            ("copy", "Convoship sent again"),
                            ("away", "Convoship sent, not taken"),
                            ("report", "The other side reported"),
                            ("asked", "Convoship asked"),
                            ("refused", "Not genuine"),
                        ],
                        max_length=10,
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=255)),
                ("text", models.TextField(blank=True)),
                ("provider_id", models.CharField(blank=True, max_length=255)),
                ("status", models.CharField(blank=True, max_length=20)),
                ("method", models.CharField(default="POST", max_length=10)),
                ("url", models.CharField(blank=True, max_length=1000)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.TextField(blank=True)),
                ("answer_status", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.TextField(blank=True)),
                ("note", models.CharField(blank=True, max_length=300)),
                ("due_at", models.DateTimeField(null=True)),
                ("is_signed_wrongly", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rehearsal_lines",
                        to="channels_app.connection",
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="channels_app.delivery",
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
                "indexes": [
                    models.Index(fields=["connection", "-created_at"], name="channels_ap_connect_3c49a1_idx"),
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["connection", "due_at"], name="line_due"
                    ),
                ],
            },
        ),
        wall("channels_app_rehearsal"),
        wall("channels_app_rehearsalline"),
    ]
