"""How an address is known after it was erased: by a keyed digest, which says yes or no to an address and nothing else.

A withdrawn consent and a complaint have to go on holding once their person is erased. The digest is HMAC-SHA256 under a
random key of the workspace's own, which is sealed like any secret (so rotating master keys keeps it) and never leaves:
who has the tables alone can't try out the few numbers that there are.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.db import IntegrityError, transaction

from convoship.lib import crypto
from convoship.lib.tenancy import entered_workspace_id
from deployments.models import AddressKey

PREFIX = "erased:"
MAIL_HOST = "@erased.invalid"


def digest_of(address: str) -> str:
    """`erased:` and 64 hexadecimal digits, the same for the same address in this workspace. Inside `tenant()`."""
    return PREFIX + hmac.new(_key(), address.encode(), hashlib.sha256).hexdigest()


def known_as(address: str) -> str:
    """`digest_of`, where anybody was ever erased here; "" where nobody was."""
    return digest_of(address) if AddressKey.objects.exists() else ""


def mail_of(address: str) -> str:
    """What stands where an e-mail address stood: a digest of it at a host that there can't be (RFC 2606)."""
    return digest_of(address.lower()).removeprefix(PREFIX)[:48] + MAIL_HOST


def _key() -> bytes:
    workspace_id = entered_workspace_id()
    row = AddressKey.objects.first()
    if row is None:
        row = AddressKey()
        row.sealed = crypto.seal(secrets.token_hex(32), workspace_id=workspace_id, purpose=purpose(row))
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            row = AddressKey.objects.get()  # made at the same moment
    return crypto.unseal(row.sealed, workspace_id=workspace_id, purpose=purpose(row)).encode()


def purpose(row: AddressKey) -> str:
    """What the key is bound to beside its workspace."""
    return f"address_key:{row.id}"
