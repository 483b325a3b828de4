"""Audio that was erased here is deleted at its provider, too, while its connection is paused: the worker finds it."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door

calls = import_module("channels_app.migrations.0013_calls")
pages = import_module("channels_app.migrations.0014_callpages")

_WANTED = """(r.state IN ('made', 'fetching') OR r.state = 'deleted' AND r.url <> '') AND r.due_at <= now()
        AND (r.leased_until IS NULL OR r.leased_until < now()) AND c.state = 'active'"""
_NOW = pages._NOW.replace(
    _WANTED,
    """(r.state IN ('made', 'fetching') AND c.state = 'active' OR r.state = 'deleted' AND r.url <> '')
        AND r.due_at <= now() AND (r.leased_until IS NULL OR r.leased_until < now())""",
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("channels_app", "0016_phone")]

    operations: ClassVar = [
        door(
            "due_channel_work",
            "p_limit integer",
            "TABLE(kind text, workspace_id uuid)",
            calls._due(_NOW),
            before=calls._due(pages._NOW),
        ),
    ]
