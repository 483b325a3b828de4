"""Rings of members' telephones are counted by the hour."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("channels_app", "0017_gone")]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="spendingcount",
            name="what",
            field=models.CharField(
                choices=[
                    ("units", "Units of a day"),
                    ("unasked", "To one number in an hour, unasked"),
                    ("confirmed", "Answers to STOP and START to one number in an hour"),
                    ("cold", "To one range of numbers in an hour"),
                    ("rung", "Calls to members' telephones in an hour"),
                ],
                max_length=10,
            ),
        ),
    ]
