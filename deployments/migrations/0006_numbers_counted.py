"""How much a visitor said is kept with the conversation, so that numbers need no look at its messages."""

from typing import ClassVar

from django.db import migrations, models

COUNT = """
    UPDATE deployments_conversation c
       SET visitor_messages = said.count
      FROM (SELECT conversation_id, count(*) FROM deployments_message
             WHERE author_kind = 'visitor' GROUP BY conversation_id) AS said
     WHERE said.conversation_id = c.id
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0005_deploying_wall")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="conversation",
            name="visitor_messages",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="previewtoken",
            name="variant",
            field=models.CharField(blank=True, max_length=1),
        ),
    ]
