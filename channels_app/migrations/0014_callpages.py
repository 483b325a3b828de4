"""Audio of calls that was erased here is deleted at its provider as well: the worker finds it."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations, models

from convoship.lib.rls import door

calls = import_module("channels_app.migrations.0013_calls")

_BEFORE = calls._BEFORE + calls._CALLS
_NOW = calls._BEFORE + calls._CALLS.replace(
    "r.state IN ('made', 'fetching')", "(r.state IN ('made', 'fetching') OR r.state = 'deleted' AND r.url <> '')"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("channels_app", "0013_calls")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="callrecording",
            index=models.Index(
                condition=models.Q(("state", "deleted"), models.Q(("url", ""), _negated=True)),
                fields=["due_at"],
                name="recording_gone",
            ),
        ),
        door(
            "due_channel_work",
            "p_limit integer",
            "TABLE(kind text, workspace_id uuid)",
            calls._due(_NOW),
            before=calls._due(_BEFORE),
        ),
    ]
