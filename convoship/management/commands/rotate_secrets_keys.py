"""`manage.py rotate_secrets_keys`: bring what is encrypted under a new master key, then let the old one go.

`status`, `add` (embedded installations), `reencrypt`, `drop NAME`. Keys go by eight characters of a digest
(`crypto.name_of`), and no key is ever printed.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from convoship.lib import crypto
from convoship.machine import keys, state
from workspaces import key_rotation
from workspaces.key_rotation import Census, Progress

TELL_EACH = 100
MAKE_ONE = 'python3 -c "import base64,os;print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'


class Command(BaseCommand):
    """Ends with 1 where something is left to do or was refused."""

    help = "Rotate the master keys that secrets are encrypted with: status, add, reencrypt, drop NAME."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One act each time."""
        acts = parser.add_subparsers(dest="act", required=True, metavar="status|add|reencrypt|drop")
        acts.add_parser("status", help="which key opens how many rows, the newest key first")
        acts.add_parser("add", help="put a new key in front (of an installation that `make run` keeps the keys of)")
        acts.add_parser("reencrypt", help="seal everything with the newest key; may be stopped and started again")
        drop = acts.add_parser("drop", help="let a key go that nothing needs any more")
        drop.add_argument("name", help="the key's name, as `status` says it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the act."""
        match options["act"]:
            case "status":
                self._status(key_rotation.census())
            case "add":
                self._add()
            case "reencrypt":
                self._reencrypt()
            case _:
                self._drop(options["name"])

    # --- Acts -------------------------------------------------------------------------------------------------------

    def _status(self, found: Census) -> None:
        self.stdout.write("Master keys, the newest first:")
        for position, (name, counts) in enumerate(found.opened.items(), start=1):
            seals = " It seals what is written." if position == 1 else ""
            self.stdout.write(f"  {position}. {name}  opens {_rows(counts)}.{seals}")
        if found.unreadable:
            self.stdout.write(
                f"No key opens {_rows(found.unreadable)}. Put the key that they were encrypted with back, or write "
                "those secrets again."
            )
        self._say_what_waits()

    def _add(self) -> None:
        folder = self._embedded_folder()
        if folder is None:
            raise CommandError(
                "The keys of this installation are kept in CONVOSHIP_SECRETS_KEYS, not by `make run`. Make one with\n"
                f"    {MAKE_ONE}\n"
                "put it in front of the others there, with a comma, and restart every process."
            )
        if self._is_waiting(folder):
            raise CommandError(
                "A key was added already, and what runs doesn't use it yet: stop `make run`, start it again."
            )
        [made] = crypto.parse_master_keys([keys.add_secrets_key(folder)])
        self.stdout.write(
            f"Key {crypto.name_of(made)} is in front in {keys.kept_in(folder)}. Stop `make run` and start it again; "
            "then: manage.py rotate_secrets_keys reencrypt"
        )

    def _reencrypt(self) -> None:
        before = key_rotation.census()
        self.stdout.write(f"{before.left} {_plural(before.left, 'row')} to bring under {before.newest}.")

        def tell(progress: Progress) -> None:
            if (progress.done + progress.overtaken) % TELL_EACH == 0:
                self.stdout.write(f"  {progress.done} of {before.left} done")
                self.stdout.flush()

        done = key_rotation.reencrypt(tell)
        self.stdout.write(f"{done.done} {_plural(done.done, 'row')} re-encrypted.")
        after = key_rotation.census()
        self._status(after)
        if after.left:
            raise CommandError(f"{after.left} {_plural(after.left, 'row')} still need an older key. Run this again.")

    def _drop(self, name: str) -> None:
        found = key_rotation.census()
        if name not in found.opened:
            raise CommandError(f"There is no key {name}. There are: {', '.join(found.opened)}.")
        if name == found.newest:
            raise CommandError(f"{name} is the newest key, which seals what is written. Put another in front first.")
        if found.opened[name]:
            raise CommandError(
                f"{name} is still needed: it opens {_rows(found.opened[name])}. Nothing was changed. "
                "Run reencrypt first."
            )
        folder = self._embedded_folder()
        if folder is not None:
            for kept in keys.load_or_make(folder).secrets_keys:
                if crypto.name_of(*crypto.parse_master_keys([kept])) == name:
                    keys.drop_secrets_key(folder, kept)
            self.stdout.write(f"Key {name} is taken out of {keys.kept_in(folder)}. Stop `make run` and start it again.")
            return
        position = list(found.opened).index(name) + 1
        self.stdout.write(
            f"Nothing needs {name}. Take entry {position} of {len(found.opened)} out of CONVOSHIP_SECRETS_KEYS, and "
            "restart every process."
        )

    # --- Embedded ---------------------------------------------------------------------------------------------------

    def _embedded_folder(self) -> Path | None:
        """The local folder, where the keys in use are those that it keeps."""
        folder = state.local_dir()
        if not keys.kept_in(folder).exists():
            return None
        kept = crypto.parse_master_keys(keys.load_or_make(folder).secrets_keys)
        return folder if set(kept) & set(settings.SECRETS_KEYS) else None

    def _is_waiting(self, folder: Path) -> bool:
        """Whether the newest key kept there is one that what runs doesn't know."""
        newest, *_ = crypto.parse_master_keys(keys.load_or_make(folder).secrets_keys)
        return newest not in settings.SECRETS_KEYS

    def _say_what_waits(self) -> None:
        folder = self._embedded_folder()
        if folder is not None and self._is_waiting(folder):
            self.stdout.write("A newer key is kept and not in use yet: stop `make run` and start it again.")


def _rows(counts: Counter[str]) -> str:
    """`7 rows (workspaces_secret 5, ...)`."""
    total = counts.total()
    tables = ", ".join(f"{table} {count}" for table, count in sorted(counts.items()))
    return f"{total} {_plural(total, 'row')}" + (f" ({tables})" if tables else "")


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
