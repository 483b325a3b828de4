"""Keys and passwords of an embedded installation: made once, kept in the local folder, lost with it."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from convoship.machine.state import MachineError, write_private


@dataclass(frozen=True)
class Keys:
    """What the embedded servers and the product's signing stand on."""

    secret_key: str
    secrets_key: str
    postgres_password: str
    owner_password: str
    app_password: str
    valkey_password: str

    def __repr__(self) -> str:
        return "Keys(hidden)"


def make() -> Keys:
    """New keys. Letters and digits alone, so that they fit into URLs as they are (the secrets key is a Fernet key)."""
    return Keys(
        secret_key=secrets.token_hex(32),
        secrets_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        postgres_password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
        app_password=secrets.token_hex(16),
        valkey_password=secrets.token_hex(16),
    )


def load_or_make(folder: Path) -> Keys:
    """The keys kept in the folder; new ones where nothing was ever kept there."""
    path = folder / "keys.json"
    if not path.exists():
        if (folder / "postgres" / "data").exists():
            raise MachineError(
                f"{path} is gone, but the database it opens is still in {folder}. Put the file back from a backup; or, "
                "to "
                f"start over with empty data, move {folder} away."
            )
        keys = make()
        write_private(path, json.dumps(asdict(keys), indent=2) + "\n")
        return keys
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Keys(**{field.name: str(stored[field.name]) for field in fields(Keys)})
    except (ValueError, KeyError, TypeError) as error:
        raise MachineError(f"{path} cannot be read ({error}). Put it back from a backup.") from error
