"""Owners are told of their budgets, and what an erased person took can be found."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from convoship.lib.rls import door, wall

DUE_NOTICES = """
    SELECT n.workspace_id, n.id FROM deployments_budgetnotice n
     WHERE n.due_at <= now() ORDER BY n.due_at LIMIT p_limit"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0030_budget"),
        ("workspaces", "0007_secret_hosts"),
    ]

    operations = [
        migrations.CreateModel(
            name="BudgetNotice",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "level",
                    models.CharField(
                        choices=[("near", "Four fifths are taken"), ("spent", "Something was refused")], max_length=10
                    ),
                ),
                ("day", models.DateField()),
                ("whose", models.CharField(blank=True, max_length=300)),
                ("amount", models.BigIntegerField(default=0)),
                ("noted_at", models.DateTimeField(auto_now_add=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("mailed_at", models.DateTimeField(blank=True, null=True)),
                ("trouble", models.CharField(blank=True, max_length=300)),
                (
                    "budget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="deployments.budget"
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
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="budget_notice_due"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("budget", "level", "day"), name="one_budget_notice")],
            },
        ),
        migrations.AddIndex(
            model_name="spending",
            index=models.Index(
                condition=models.Q(("visitor__isnull", False)), fields=["visitor"], name="spending_visitor"
            ),
        ),
        wall("deployments_budgetnotice"),
        door("due_budget_notices", "p_limit integer", "TABLE(workspace_id uuid, id uuid)", DUE_NOTICES),
    ]
