"""Where a secret may be sent: the hosts that somebody who knows its value has pointed it at.

Whoever may change an assistant could otherwise have a key sent to a server of their own and read it there. So a secret
goes to a host only after an admin has typed its value for that host (CONTRACT section 7); one that nothing has used so
far goes to its first host without. It is asked again at every call, as drafts also come from files and old versions.

A grant is for the value that was typed: with a new value those end that nothing uses now, else an old version that is
restored would send the new value to a host that nobody thinks of any more. Each can be withdrawn.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import F

from convoship.lib import rows
from convoship.lib.actors import Actor
from convoship.lib.outbound.places import origin_of
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.tenancy import entered_workspace_id
from workspaces import audit, secret_store
from workspaces.models import Secret, SecretHost


@dataclass(frozen=True)
class Pointing:
    """A secret that is to be sent to an address, and where that was said (`llm.api_key`)."""

    path: str
    key: str
    url: str


Pointings = Callable[[], Iterable[Pointing]]
_pointings: list[Pointings] = []


def register_pointings(pointings: Pointings) -> None:
    """Have what is sent where now found by this; it is called inside `tenant()`."""
    _pointings.append(pointings)


def used_now() -> dict[str, set[str]]:
    """The hosts to which each secret of the entered workspace is sent as everything stands, by key."""
    found: dict[str, set[str]] = defaultdict(set)
    for pointings in _pointings:
        for one in pointings():
            found[one.key].add(host_of(one.url))
    return found


def host_of(url: str) -> str:
    """`scheme://host[:port]`: what a grant is for. The scheme belongs to it, as http shows a key to everybody."""
    return origin_of(url)


def may_go(key: str, url: str) -> bool:
    """Whether this secret may be sent to this address."""
    host = host_of(url)
    return bool(host) and SecretHost.objects.filter(key=key, host=host).exists()


def value_for(key: str, url: str) -> str | None:
    """`secret_store.value_of`, by one statement with `may_go`; None where it may not go there."""
    host, workspace_id = host_of(url), entered_workspace_id()
    sql = f"""
        SELECT {rows.columns(Secret, "s")}
          FROM workspaces_secrethost h
          LEFT JOIN workspaces_secret s ON s.workspace_id = h.workspace_id AND s.key = h.key
         WHERE h.workspace_id = %s AND h.key = %s AND h.host = %s"""  # noqa: S608  (names of columns)
    row = rows.one(sql, [workspace_id, key, host]) if host else None
    if row is None:
        return None
    [secret] = rows.read_each(row, Secret)
    return secret_store.opened(key, secret)


def point(actor: Actor, wanted: Iterable[Pointing], typed: Mapping[str, str]) -> None:
    """Let secrets go where they are wanted; `typed`: values by key, for those that have gone elsewhere so far.

    422 with a message per path, 403 for who may not.
    """
    errors: dict[str, list[str]] = {}
    fresh: dict[tuple[str, str], Pointing] = {}
    for one in wanted:
        if not Secret.objects.filter(key=one.key).exists():
            errors[one.path] = [
                "There is no secret by this key. Give the key of one, not its value; write it under Workspace, Secrets."
            ]
        elif not may_go(one.key, one.url):
            fresh.setdefault((one.key, host_of(one.url)), one)
    if fresh and not actor.may("workspace.write"):
        first = next(iter(fresh.values()))
        raise Problem(
            "scope_missing",
            f"Only an admin may send the secret {first.key} to {host_of(first.url)}.",
            hint="Ask an owner or admin of the workspace.",
        )
    for (key, host), one in fresh.items():
        if _is_used(key) and not _is_value(key, typed.get(key, "")):
            said = "That is not its value." if typed.get(key) else "Type its value again, to show that you know it."
            errors[one.path] = [f"The secret {key} is used already, and has not been sent to {host} before. {said}"]
    if errors:
        raise invalid(errors)
    for key, host in fresh:
        _grant(actor, key, host)


def _is_used(key: str) -> bool:
    # Of one that was replaced, the hosts that it went to are forgotten, and the secret isn't new.
    is_replaced = Secret.objects.filter(key=key, set_at__gt=F("created_at")).exists()
    return is_replaced or SecretHost.objects.filter(key=key).exists() or bool(secret_store.uses().get(key))


def _is_value(key: str, typed: str) -> bool:
    try:
        value = secret_store.value_of(key)
    except secret_store.SecretMissing:
        return False
    return hmac.compare_digest(value.encode(), typed.strip().encode("utf-8", "replace"))


def _grant(actor: Actor, key: str, host: str) -> None:
    secret = secret_store.get(key, lock=True)
    SecretHost.objects.get_or_create(key=key, host=host, defaults={"granted_by_label": actor.label[:254]})
    audit.record(actor, "secret.pointed", secret, host=host)


def withdraw(actor: Actor, key: str, host: str) -> None:
    """Send this secret there no more, until its value is typed for that host again; 404 where it wasn't sent there."""
    secret = secret_store.get(key, lock=True)
    if not SecretHost.objects.filter(key=key, host=host).delete()[0]:
        raise not_found()
    audit.record(actor, "secret.host_withdrawn", secret, host=host)


def renewed(actor: Actor, key: str) -> None:
    """A secret has a new value; it is held. Its grants end but for those that are used now."""
    ended = SecretHost.objects.filter(key=key).exclude(host__in=used_now().get(key, ()))
    for row in list(ended.order_by("host")):
        row.delete()
        audit.record(actor, "secret.host_ended", secret_store.get(key), host=row.host)


@dataclass(frozen=True)
class Granted:
    """A host that a secret may be sent to, and whether anything has it sent there now."""

    row: SecretHost
    is_used: bool


def granted() -> dict[str, list[Granted]]:
    """Where the secrets of the entered workspace may be sent, by key."""
    used = used_now()
    found: dict[str, list[Granted]] = defaultdict(list)
    for row in SecretHost.objects.order_by("key", "host"):
        found[row.key].append(Granted(row, row.host in used.get(row.key, ())))
    return found


def forget(_actor: Actor, key: str) -> None:
    """Of a secret that was deleted: one that is made anew under its key is another."""
    SecretHost.objects.filter(key=key).delete()
