"""Mail to the people who can mend a connection."""

from __future__ import annotations

import logging
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail

from channels_app.models import Connection
from convoship.lib.tenancy import tenant
from workspaces.members import addresses_with

logger = logging.getLogger(__name__)


def tell_disabled(workspace_id: UUID, connection_id: UUID) -> None:
    """Say that a connection was disabled, and why. After COMMIT: its page says so whether or not the mail leaves."""
    with tenant(workspace_id):
        connection = Connection.objects.filter(id=connection_id).first()
        addresses = addresses_with("connections.write")
    if connection is None or connection.is_rehearsal:
        return
    subject = f"The connection {connection.name} is disabled"
    body = (
        f"Convoship has stopped sending over {connection.name}.\n\n"
        f"Why: {connection.state_reason}\n\n"
        "Nothing is lost: what could not be sent is kept and goes out once you enable it again.\n"
        f"Look at it here: {settings.PUBLIC_BASE_URL}/app/channels/{connection.id}/\n"
    )
    for address in addresses:
        try:
            send_mail(" ".join(subject.split()), body, None, [address])
        except OSError as error:
            logger.error("mail to %s about connection %s was not taken: %s", address, connection_id, error)
