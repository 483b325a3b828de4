"""Answers that somebody wants to stop."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0026_thinking")]

    operations: ClassVar = [
        migrations.AddField(
            "turn",
            "stop",
            models.CharField(
                blank=True,
                choices=[
                    ("visitor", "Stopped by the visitor."),
                    ("left", "Cut off: the visitor had left."),
                    ("ended", "Cut off: the conversation had ended."),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
    ]
