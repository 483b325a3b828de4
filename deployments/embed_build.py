"""The committed build of the widget: what its loader is called, its fingerprint, and the files that it loads."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

LOADER = "/embed/v1.js"
# The same script under a name that never means other bytes, for pages with `integrity`. It stands beside the other one,
# because the loader finds what it loads by its own address.
_PINNED = re.compile(r"/embed/v1\.([0-9a-f]{32})\.js")


@dataclass(frozen=True)
class Build:
    """`loader`: its bytes. `mark`: the fingerprint in its pinned address. `app`: the file that opens the chat.

    `file_script`: the file that the chat loads beside itself where it has to do with files.
    """

    loader: bytes
    app: str
    file_script: str

    @property
    def mark(self) -> str:
        """The fingerprint of the loader."""
        return mark_of(self.loader)

    @property
    def integrity(self) -> str:
        """What a script tag's `integrity` has to be for it."""
        return integrity_of(self.loader)


@cache
def build() -> Build:
    """The build, read once a process."""
    folder = Path(settings.BASE_DIR) / "static" / "widget"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Build((folder / "v1.js").read_bytes(), str(manifest["app"]), str(manifest["file_script"]))


def mark_of(loader: bytes) -> str:
    """The fingerprint of a loader's bytes, as its pinned address has it."""
    return hashlib.sha256(loader).hexdigest()[:32]


def integrity_of(loader: bytes) -> str:
    """Subresource integrity of a loader's bytes."""
    return f"sha384-{base64.b64encode(hashlib.sha384(loader).digest()).decode()}"


def pinned_path(mark: str) -> str:
    """The address of the loader with this fingerprint."""
    return f"/embed/v1.{mark}.js"


def pinned_mark(path: str) -> str | None:
    """The fingerprint in the address of a pinned loader; None for any other address."""
    found = _PINNED.fullmatch(path)
    return found[1] if found else None


def kept(mark: str) -> bytes | None:
    """The loader with this fingerprint: today's, or one that this server served earlier and kept."""
    now = build()
    if mark == now.mark:
        return now.loader
    try:
        found = (_folder() / f"{mark}.js").read_bytes()
    except OSError:
        return None
    return found if mark_of(found) == mark else None


def keep() -> None:
    """Put today's loader where the next release still finds it; OSError where the folder can't be written."""
    now = build()
    place = _folder() / f"{now.mark}.js"
    try:
        if mark_of(place.read_bytes()) == now.mark:
            return
    except OSError:
        place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(now.loader)
    fresh.replace(place)


def _folder() -> Path:
    return Path(settings.LOCAL_DIR) / "embed"
