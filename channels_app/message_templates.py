"""Message templates as rows: kept as the provider has them, and given back to it."""

from __future__ import annotations

from dataclasses import asdict

from django.utils import timezone

from channels_app.models import Connection, MessageTemplate
from channels_app.providers.base import Template


def keep(connection: Connection, template: Template) -> MessageTemplate:
    """The row of a template, as it is now."""
    values = asdict(template)
    sid = values.pop("sid")
    row: MessageTemplate = MessageTemplate.objects.update_or_create(
        connection=connection, sid=sid, defaults={**values, "is_gone": False, "synced_at": timezone.now()}
    )[0]
    return row


def as_template(row: MessageTemplate) -> Template:
    """A row as providers know it."""
    return Template(
        sid=row.sid,
        name=row.name,
        language=row.language,
        content_type=row.content_type,
        body=row.body,
        extras=row.extras,
        variables=row.variables,
        category=row.category,
        approval=row.approval,
        rejection_reason=row.rejection_reason,
    )
