"""The organisation at Genesys: its OAuth client's tokens, its integrations, its conversations."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from typing import Any

from channels_app.models import Rehearsal
from channels_app.providers.base import Account
from channels_app.rehearsal.genesys.cases import Cases, now

# OAuth clients' tokens last a day where nobody says otherwise, and the answer gives the seconds that are left.
TOKEN_SECONDS = 86_399
MOST_TOKENS = 20
INTEGRATION_NAME = "Convoship rehearsal"
SECRET = "outboundNotificationWebhookSignatureSecretToken"  # noqa: S105 (a field's name)
# The fault by which an agent's next replies are not posted.
LOST_WORD = "lost"


class Organisation:
    """What stands in a rehearsal's contents: {conversations, integrations by id, tokens: {hash: until}}."""

    def __init__(self, rehearsal: Rehearsal, account: Account) -> None:
        self.rehearsal, self.account = rehearsal, account
        self.contents: dict[str, Any] = rehearsal.contents
        self.cases = Cases(self.contents)

    def save(self) -> None:
        """Keep what changed while a call is answered."""
        self.rehearsal.save(update_fields=["contents"])

    def loses(self) -> bool:
        """Whether an agent's reply is lost now; it is one of those that were to be."""
        row = self.rehearsal
        if row.fault != LOST_WORD:
            return False
        if row.fault_calls is not None:
            row.fault_calls -= 1
            if row.fault_calls <= 0:
                row.fault, row.fault_calls = "", None
            row.save(update_fields=["fault", "fault_calls"])
        return True

    # --- Tokens -----------------------------------------------------------------------------------------------------

    def new_token(self) -> str:
        """A bearer token, of which only a hash is kept; the oldest make room."""
        token = secrets.token_urlsafe(48)
        kept = self.contents.setdefault("tokens", {})
        kept[_hash(token)] = int(time.time()) + TOKEN_SECONDS
        for old in sorted(kept, key=lambda one: int(kept[one]))[:-MOST_TOKENS]:
            del kept[old]
        return token

    def until(self, token: str) -> int | None:
        """When a token ends, in seconds since 1970; None where it was never given out."""
        found = self.contents.get("tokens", {}).get(_hash(token))
        return None if found is None else int(found)

    # --- Integrations -----------------------------------------------------------------------------------------------

    @property
    def own_id(self) -> str:
        """The id of the integration that the connection names."""
        return str(self.account.config.get("integration_id", ""))

    def integration(self, integration_id: str) -> dict[str, Any] | None:
        """An integration; that of the connection exists from the beginning, with our own address and secret."""
        kept = self.contents.get("integrations", {}).get(integration_id)
        if kept is None and (not integration_id or integration_id != self.own_id):
            return None
        own = {
            "id": integration_id,
            "name": INTEGRATION_NAME,
            "outboundNotificationWebhookUrl": self.account.inbound_url,
            SECRET: self.account.credentials.get("webhook_secret", ""),
            "webhookHeaders": {},
            "createStatus": "Completed",
        }
        return {**own, **(kept or {})}

    def integrations(self) -> list[dict[str, Any]]:
        """All of them, that of the connection first."""
        ids = dict.fromkeys([self.own_id, *self.contents.get("integrations", {})])
        return [found for one in ids if (found := self.integration(one)) is not None]

    def put(self, integration_id: str, values: dict[str, Any]) -> dict[str, Any]:
        """Make an integration, or change it. A secret that is our own is not kept here: it stands among the secrets."""
        kept = self.contents.setdefault("integrations", {})
        changed = {**kept.get(integration_id, {"dateCreated": now()}), **values, "dateModified": now()}
        if changed.get(SECRET) == self.account.credentials.get("webhook_secret"):
            del changed[SECRET]
        kept[integration_id] = changed
        return self.integration(integration_id) or changed

    def new_integration_id(self) -> str:
        """An id for one to come."""
        return str(uuid.uuid4())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
