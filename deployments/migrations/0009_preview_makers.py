"""A preview token keeps who made it and what they need, so that it ends with their right."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("deployments", "0008_rollouts_way_back"),
        ("workspaces", "0003_staff_workspaces"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="previewtoken",
            name="made_by_key",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="workspaces.apikey"
            ),
        ),
        # One that nobody is known to have made opens nothing, so it goes with its maker.
        migrations.AlterField(
            model_name="previewtoken",
            name="made_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="previewtoken",
            name="permission",
            field=models.CharField(default="deployments.read", max_length=40),
        ),
    ]
