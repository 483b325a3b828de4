"""Where a secret may be sent: the hosts that somebody who knows its value has pointed it at.

Whoever may change an assistant could otherwise have a key sent to a server of their own and read it there. So a secret
goes to a host only after an admin has typed its value for that host (CONTRACT section 7); one that nothing has used so
far goes to its first host without. It is asked again at every call, as drafts also come from files and old versions.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from convoship.lib.actors import Actor
from convoship.lib.outbound.places import origin_of
from convoship.lib.problems import Problem, invalid
from workspaces import audit, secret_store
from workspaces.models import Secret, SecretHost


@dataclass(frozen=True)
class Pointing:
    """A secret that is to be sent to an address, and where that was said (`llm.api_key`)."""

    path: str
    key: str
    url: str


def host_of(url: str) -> str:
    """`scheme://host[:port]`: what a grant is for. The scheme belongs to it, as http shows a key to everybody."""
    return origin_of(url)


def may_go(key: str, url: str) -> bool:
    """Whether this secret may be sent to this address."""
    host = host_of(url)
    return bool(host) and SecretHost.objects.filter(key=key, host=host).exists()


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
    return SecretHost.objects.filter(key=key).exists() or bool(secret_store.uses().get(key))


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


def forget(key: str) -> None:
    """Of a secret that was deleted: one that is made anew under its key is another."""
    SecretHost.objects.filter(key=key).delete()
