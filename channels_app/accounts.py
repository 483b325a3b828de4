"""A provider made ready for one connection: its config, the values of its credentials and of its own secrets."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings

from channels_app.models import Connection, ConnectionSecret
from channels_app.models.connection import SecretKind
from channels_app.providers.base import Account, Capability, Provider, ProviderError, Unreadable
from channels_app.providers.registry import PROVIDERS
from channels_app.voice.media import engines_of
from convoship.lib import crypto
from workspaces import secret_hosts, secret_store

logger = logging.getLogger(__name__)


def kind_of(connection: Connection) -> type[Provider]:
    """What the connection is."""
    return PROVIDERS[connection.kind]


def is_spoken(connection: Connection) -> bool:
    """Whether what is said over it is spoken in calls as they go on."""
    kind = kind_of(connection)
    return kind.can(Capability.SPOKEN) or (kind.can(Capability.STREAMED) and connection.config.get("mode") == "stream")


def kinds_that(can: Capability) -> list[str]:
    """The kinds with this capability."""
    return [kind for kind, provider in PROVIDERS.items() if provider.can(can)]


def inbound_url(connection: Connection, part: str = "") -> str:
    """Where the provider calls us."""
    url = f"{settings.PUBLIC_BASE_URL}/v1/public/channels/{connection.kind}/{connection.id}"
    return f"{url}/{part}" if part else url


def stand_in_url(connection: Connection) -> str:
    """Where a rehearsal's stand-in answers what would go to the provider: on our own origin."""
    return f"{settings.PUBLIC_BASE_URL}/rehearsal/{connection.id}"


def purpose(row: ConnectionSecret) -> str:
    """What the encryption of a connection's own secret is bound to, beside the workspace."""
    return f"{row.which}:{row.id}"


def live_secrets(connection: Connection) -> dict[str, list[str]]:
    """The live values of its own secrets, the newest first; one that can't be opened is logged and left out."""
    return _opened(connection)[0]


def _opened(connection: Connection) -> tuple[dict[str, list[str]], list[Unreadable]]:
    values: dict[str, list[str]] = defaultdict(list)
    closed = []
    for row in ConnectionSecret.objects.filter(connection=connection).order_by("-created_at"):
        if row.is_live:
            try:
                values[row.which].append(crypto.unseal(row.sealed, workspace_id=row.workspace_id, purpose=purpose(row)))
            except crypto.Unreadable as unreadable:
                logger.error("%s of connection %s: %s", row.which, connection.id, unreadable)
                called = SecretKind(row.which).label.lower()
                closed.append(Unreadable(f"The {called}", f"rotate the {called}", row.which))
    return values, closed


def to_receive(connection: Connection) -> Provider:
    """The provider as it checks and reads requests. A credential that is missing is missing: nothing is accepted.

    What can't be decrypted stands in `account.unreadable`: a request that the rest doesn't prove genuine can't be
    judged then (RELIABILITY R14).
    """
    secrets, closed = _opened(connection)
    unreadable = [one for one in closed if one.which == SecretKind.INBOUND]
    credentials = {}
    for field, key in _those_that_may_go(connection).items():
        try:
            credentials[field] = secret_store.value_of(key)
        except secret_store.SecretUnreadable:
            unreadable.append(Unreadable(f"The secret {key}", f"write {key} again under Workspace, Secrets"))
        except secret_store.SecretMissing:
            continue
    return _made(connection, credentials, secrets, unreadable)


def to_send(connection: Connection) -> Provider:
    """The provider as it sends; `ProviderError` where a credential is missing."""
    try:
        credentials = {field: secret_store.value_of(key) for field, key in _those_that_may_go(connection).items()}
    except secret_store.SecretMissing as missing:
        raise ProviderError(missing.words, missing.remedy, permanent=True, blame="connection", stops=True) from None
    secrets, unreadable = _opened(connection)
    return _made(connection, credentials, secrets, unreadable)


def _those_that_may_go(connection: Connection) -> dict[str, str]:
    """Its credentials, but for those that an admin has withdrawn from the address they would be sent to."""
    addressed = [
        (field, key, engines_of.sent_to(connection.config, field)) for field, key in connection.credentials.items()
    ]
    return {field: key for field, key, url in addressed if not url or secret_hosts.may_go(key, url)}


def to_plan(connection: Connection, address: str = "") -> Provider:
    """The provider as it makes requests of messages to this address, for which it needs no secret."""
    return _made(connection, {}, secrets={}, address=address)


def _made(
    connection: Connection,
    credentials: dict[str, str],
    secrets: dict[str, list[str]],
    unreadable: Sequence[Unreadable] = (),
    address: str = "",
) -> Provider:
    kind = kind_of(connection)
    account = Account(
        connection_id=connection.id,
        name=connection.name,
        config=connection.config,
        credentials=credentials,
        secrets=secrets,
        inbound_url=inbound_url(connection),
        status_url=inbound_url(connection, "status"),
        base_url=_base_url(connection, kind),
        unreadable=tuple(unreadable),
        workspace_id=connection.workspace_id,
        address=address,
    )
    return kind(account)


def _base_url(connection: Connection, kind: type[Provider]) -> str:
    if connection.is_rehearsal:
        return stand_in_url(connection)
    return str(connection.config.get("api_base_url") or kind.api_base_url)
