"""Budgets: what may be taken of models, what is, and what a model costs."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from convoship.lib.rls import wall


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0029_hook"),
        ("workspaces", "0007_secret_hosts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "measure",
                    models.CharField(
                        choices=[("messages", "Messages"), ("tokens", "Tokens"), ("money", "Money")], max_length=10
                    ),
                ),
                (
                    "per",
                    models.CharField(
                        choices=[
                            ("visitor", "each visitor a day"),
                            ("origin", "each origin a day"),
                            ("day", "all together a day"),
                            ("whole", "all together, once and for all"),
                        ],
                        max_length=10,
                    ),
                ),
                ("most", models.BigIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("spent_at", models.DateTimeField(blank=True, null=True)),
                ("spent_by", models.CharField(blank=True, default="", max_length=300)),
                (
                    "deployment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budgets",
                        to="deployments.deployment",
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
            name="BudgetCount",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("whose", models.CharField(blank=True, max_length=300)),
                ("day", models.DateField()),
                ("count", models.BigIntegerField()),
                (
                    "budget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="counts", to="deployments.budget"
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
            name="ModelPrice",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("model", models.CharField(max_length=200)),
                ("price_in", models.DecimalField(decimal_places=6, max_digits=12)),
                ("price_out", models.DecimalField(decimal_places=6, max_digits=12)),
                ("valid_from", models.DateField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
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
            name="Spending",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("visitor", models.UUIDField(blank=True, null=True)),
                ("turn", models.UUIDField(blank=True, null=True)),
                ("origin", models.CharField(blank=True, max_length=300)),
                ("day", models.DateField()),
                ("model", models.CharField(blank=True, max_length=200)),
                ("messages", models.PositiveSmallIntegerField(default=1)),
                ("tokens_in", models.BigIntegerField(default=0)),
                ("tokens_out", models.BigIntegerField(default=0)),
                ("cost", models.BigIntegerField(blank=True, null=True)),
                ("price_in", models.DecimalField(blank=True, decimal_places=6, max_digits=12, null=True)),
                ("price_out", models.DecimalField(blank=True, decimal_places=6, max_digits=12, null=True)),
                ("counted", models.JSONField(default=list)),
                ("held_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "deployment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="deployments.deployment",
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
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.UniqueConstraint(
                fields=("workspace", "deployment", "measure", "per"), name="one_budget_each", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetcount",
            constraint=models.UniqueConstraint(fields=("budget", "whose", "day"), name="one_budget_count"),
        ),
        migrations.AddConstraint(
            model_name="modelprice",
            constraint=models.UniqueConstraint(fields=("workspace", "model", "valid_from"), name="one_price_a_day"),
        ),
        migrations.AddIndex(
            model_name="spending",
            index=models.Index(fields=["workspace", "day"], name="spending_day"),
        ),
        migrations.AddIndex(
            model_name="spending",
            index=models.Index(fields=["turn"], name="spending_turn"),
        ),
        migrations.AddIndex(
            model_name="spending",
            index=models.Index(
                condition=models.Q(("held_until__isnull", False)), fields=["held_until"], name="spending_held"
            ),
        ),
        *(wall(f"deployments_{table}") for table in ("modelprice", "budget", "budgetcount", "spending")),
    ]
