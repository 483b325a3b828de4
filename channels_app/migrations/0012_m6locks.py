"""Why a delivery is sent stands with it; before, one without a conversation was told by its content."""

from typing import ClassVar

from django.db import migrations, models

PURPOSE = """
    UPDATE channels_app_delivery
       SET purpose = CASE WHEN content->>'about' = 'consent' THEN 'confirmation' ELSE 'test' END
     WHERE conversation_id IS NULL
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("channels_app", "0011_refused_id")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="delivery",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("conversation", "Of a conversation"),
                    ("test", "A test"),
                    ("confirmation", "The answer to STOP or START"),
                ],
                db_default="conversation",
                default="conversation",
                max_length=12,
            ),
        ),
        migrations.RunSQL(PURPOSE, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="inboundevent",
            index=models.Index(
                condition=models.Q(("kind", "message"), ("message", None), ("state", "handled")),
                fields=["workspace", "lane"],
                name="event_unheard",
            ),
        ),
        migrations.AlterField(
            model_name="spendingcount",
            name="what",
            field=models.CharField(
                choices=[
                    ("units", "Units of a day"),
                    ("unasked", "To one number in an hour, unasked"),
                    ("confirmed", "Answers to STOP and START to one number in an hour"),
                    ("cold", "To one range of numbers in an hour"),
                ],
                max_length=10,
            ),
        ),
    ]
