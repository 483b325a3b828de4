"""Members on duty and away."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0005_secretpages")]

    operations: ClassVar = [
        migrations.AddField("membership", "away_since", models.DateTimeField(blank=True, null=True)),
    ]
