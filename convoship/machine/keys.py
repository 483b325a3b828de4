"""Keys and passwords of an embedded installation: made once, kept in the local folder, lost with it."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from convoship.machine.state import MachineError, write_private


@dataclass(frozen=True)
class Keys:
    """What the embedded servers and the product's signing stand on. `secrets_key` may be several, the newest first."""

    secret_key: str
    secrets_key: str
    postgres_password: str
    owner_password: str
    app_password: str
    valkey_password: str

    @property
    def secrets_keys(self) -> list[str]:
        """Each of the master keys for secrets, the newest first."""
        return [key.strip() for key in self.secrets_key.split(",")]

    def __repr__(self) -> str:
        return "Keys(hidden)"


def make() -> Keys:
    """New keys. Letters and digits alone, so that they fit into URLs as they are (the secrets key is a Fernet key)."""
    return Keys(
        secret_key=secrets.token_hex(32),
        secrets_key=_new_secrets_key(),
        postgres_password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
        app_password=secrets.token_hex(16),
        valkey_password=secrets.token_hex(16),
    )


def _new_secrets_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def kept_in(folder: Path) -> Path:
    """The file that keeps them."""
    return folder / "keys.json"


def add_secrets_key(folder: Path) -> str:
    """Put a new master key for secrets in front of the others: `make run` reads it at its start. Answers the key."""
    kept = load_or_make(folder)
    made = _new_secrets_key()
    _write(folder, replace(kept, secrets_key=",".join([made, *kept.secrets_keys])))
    return made


def drop_secrets_key(folder: Path, key: str) -> None:
    """Take this master key for secrets out, for good."""
    kept = load_or_make(folder)
    _write(folder, replace(kept, secrets_key=",".join(other for other in kept.secrets_keys if other != key)))


def _write(folder: Path, keys: Keys) -> None:
    write_private(kept_in(folder), json.dumps(asdict(keys), indent=2) + "\n")


def load_or_make(folder: Path) -> Keys:
    """The keys kept in the folder; new ones where nothing was ever kept there."""
    path = kept_in(folder)
    if not path.exists():
        if (folder / "postgres" / "data").exists():
            raise MachineError(
                f"{path} is gone, but the database it opens is still in {folder}. Put the file back from a backup; or, "
                "to "
                f"start over with empty data, move {folder} away."
            )
        keys = make()
        _write(folder, keys)
        return keys
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Keys(**{field.name: str(stored[field.name]) for field in fields(Keys)})
    except (ValueError, KeyError, TypeError) as error:
        raise MachineError(f"{path} cannot be read ({error}). Put it back from a backup.") from error
