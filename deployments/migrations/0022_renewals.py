"""How often a mail to a visitor was begun anew after a server had refused it for good."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0021_upfiles")]

    operations: ClassVar = [
        migrations.AddField("replymail", "renewals", models.PositiveSmallIntegerField(default=0, db_default=0)),
    ]
