"""The workspace's secrets: credentials that connections name by key, written here and never shown again.

What uses a secret is known in rooms above this one; each of them adds a `Users` function to the registry when its app
is ready, so that a secret's page can say what would break without it.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils import timezone

from convoship.lib import crypto
from convoship.lib.actors import Actor
from convoship.lib.problems import invalid, not_found
from convoship.lib.tenancy import entered_workspace_id
from workspaces import audit
from workspaces.models import Secret

logger = logging.getLogger(__name__)

KEY_FORM = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
KEY_WORDS = "1 to 64 of a to z, 0 to 9, _ . and -, with a letter or digit first: twilio_auth_token, for example."
LONGEST_VALUE = 8000
# Of a shorter value four characters would be too much of it.
SHORTEST_HINTED = 16
MOST = 500


@dataclass(frozen=True)
class Use:
    """Something that stands on a secret: `what` and `name` for people, `path` of its page."""

    key: str
    what: str
    name: str
    path: str


class SecretMissing(Exception):
    """There is no secret by this key, or it can't be opened. `words` say so, `remedy` what to do."""

    def __init__(self, words: str, remedy: str) -> None:
        super().__init__(words)
        self.words, self.remedy = words, remedy


class SecretUnreadable(SecretMissing):
    """There is a secret by this key, and no master key that is set opens it."""


Users = Callable[[], Iterable[Use]]
_users: list[Users] = []
Told = Callable[[Actor, str], None]
_told: list[Told] = []
_told_of_end: list[Told] = []


def register_users(users: Users) -> None:
    """Have what these stand on shown with the secrets. `users` is called inside `tenant()`."""
    _users.append(users)


def register_told(told: Told, *, of_end: Told) -> None:
    """Have these called with who does it and the key of each secret that is written or deleted, in its transaction."""
    _told.append(told)
    _told_of_end.append(of_end)


def uses() -> dict[str, list[Use]]:
    """What uses which secret of the entered workspace; a key may be used that has no secret."""
    found: dict[str, list[Use]] = defaultdict(list)
    for users in _users:
        for use in users():
            found[use.key].append(use)
    return found


def write(actor: Actor, key: str, value: str) -> tuple[Secret, bool]:
    """Set the secret by this key, new or in place of what it was; the second answer is whether it is new.

    422 for a key or a value that can't be taken. Spaces and line ends around the value are not part of it: they come
    with copying.
    """
    value = value.strip()
    _check(key, value)
    Secret.objects.select_for_update().filter(key=key).first()
    hint = value[-4:] if len(value) >= SHORTEST_HINTED else ""
    sealed = crypto.seal(value, workspace_id=entered_workspace_id(), purpose=purpose(key))
    secret, is_new = Secret.objects.update_or_create(
        key=key,
        defaults={"sealed": sealed, "hint": hint, "set_by_label": actor.label[:254], "set_at": timezone.now()},
    )
    audit.record(actor, "secret.made" if is_new else "secret.replaced", secret)
    for told in _told:
        told(actor, key)
    return secret, is_new


def make(actor: Actor, key: str, value: str) -> Secret:
    """A secret under a key that has none; 422 where there is one. Call it in a transaction of its own.

    `write` would replace it, and with it what others use.
    """
    secret, is_new = write(actor, key, value)
    if not is_new:
        raise invalid(
            {"key": [f"There is a secret {key} already. Replace it in the list, or choose another key."]},
            hint="Nothing was changed.",
        )
    return secret


def _check(key: str, value: str) -> None:
    errors: dict[str, list[str]] = {}
    if not KEY_FORM.fullmatch(key):
        errors["key"] = [KEY_WORDS]
    elif not Secret.objects.filter(key=key).exists() and Secret.objects.count() >= MOST:
        errors["key"] = [f"A workspace has {MOST} secrets at most. Delete one that nothing uses."]
    if not value:
        errors["value"] = ["Paste the secret's value."]
    elif len(value) > LONGEST_VALUE:
        errors["value"] = [f"This is too long: {len(value)} characters, at most {LONGEST_VALUE} are possible."]
    elif "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        errors["value"] = ["This contains a character that can't be stored. Copy the value again."]
    if errors:
        raise invalid(errors, hint="Write the secret again; nothing was changed.")


def get(key: str, *, lock: bool = False) -> Secret:
    """The secret by this key; 404 where the workspace has none."""
    rows = Secret.objects.select_for_update() if lock else Secret.objects
    secret = rows.filter(key=key).first() if KEY_FORM.fullmatch(key) else None
    if secret is None:
        raise not_found()
    return secret


def delete(actor: Actor, key: str) -> None:
    """Delete the secret. What used it says from then on that it is missing."""
    secret = get(key, lock=True)
    broken = [f"{use.what} {use.name}" for use in uses().get(key, [])]
    audit.record(actor, "secret.deleted", secret, used_by=broken)
    secret.delete()
    for told in _told_of_end:
        told(actor, key)


def value_of(key: str) -> str:
    """The value, for the one call that needs it now; `SecretMissing` with words for whoever waits for that call."""
    return opened(key, Secret.objects.filter(key=key).first())


def opened(key: str, secret: Secret | None) -> str:
    """`value_of`, of the row that was found by this key."""
    if secret is None:
        raise SecretMissing(
            f"The secret {key} is missing.", f"Write {key} again under Workspace, Secrets, or choose another."
        )
    try:
        return crypto.unseal(secret.sealed, workspace_id=secret.workspace_id, purpose=purpose(key))
    except crypto.Unreadable as unreadable:
        logger.error("secret %s of workspace %s: %s", key, secret.workspace_id, unreadable)
        raise SecretUnreadable(
            f"The secret {key} can't be decrypted: the key it was encrypted with is gone.",
            f"Write {key} again under Workspace, Secrets.",
        ) from None


def is_readable(secret: Secret) -> bool:
    """Whether a master key that is set opens it."""
    opened = crypto.opened_by(secret.sealed, workspace_id=secret.workspace_id, purpose=purpose(secret.key))
    return opened is not None


def purpose(key: str) -> str:
    """What the encryption is bound to, beside the workspace."""
    return f"secret:{key}"
