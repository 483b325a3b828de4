"""The product's processes as fault tests start them: on quicker clocks, with one kind of connection more, and, for a
negative control, with one promise taken away (`CONVOSHIP_FAULT_CONTROL`).

`daphne tests.reliability.faults.entry:application`, `celery -A tests.reliability.faults.entry worker`. The product's
own entries know nothing of this.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import os
import threading
import uuid
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import django
from django.utils import timezone

if os.environ.get("CONVOSHIP_TESTING") != "1":
    raise SystemExit("This entry is for fault tests: it runs under CONVOSHIP_TESTING=1 alone.")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
django.setup()

from channels_app import beats, claims, inbound, ladder, webhooks  # noqa: E402  (the apps must be loaded first)
from channels_app import drain as draining  # noqa: E402
from channels_app.providers import custom_webhook, http_errors, registry  # noqa: E402
from channels_app.providers.base import Capability, Outgoing, Receipt  # noqa: E402
from convoship.lib.outbound import sending  # noqa: E402
from tests.reliability.faults.clocks import ANSWER, CALL, LEASE, POISON, SILENCE  # noqa: E402

CONTROL = os.environ.get("CONVOSHIP_FAULT_CONTROL", "")


class Unkeyed(custom_webhook.CustomWebhook):
    """A provider that takes no key, as SMS has them: what it was sent can be looked up by a tag of ours."""

    kind = "unkeyed_webhook"
    label = "Unkeyed webhook"
    capabilities = frozenset({Capability.LOOK_UP, Capability.EVENTS, Capability.OPENS_AT_ONCE})

    async def send(self, outgoing: Outgoing) -> Receipt:
        """POST the event with our tag and no key."""
        data = {"conversation_key": outgoing.address, **outgoing.content["data"], "sequence": outgoing.position}
        body = json.dumps({**outgoing.content, "data": data, "tag": outgoing.key}).encode()
        with http_errors.as_provider_errors():
            headers = {"content-type": "application/json"}
            answer = await sending.send("POST", self._url(), seconds=ANSWER, headers=headers, content=body)
        if answer.is_success:
            return Receipt("sent", http_status=answer.status)
        raise http_errors.of_endpoint(answer)

    async def look_up(self, outgoing: Outgoing) -> Receipt | None:
        """Whether it has something with our tag."""
        with http_errors.as_provider_errors():
            answer = await sending.send("GET", f"{self._url()}?tag={quote(outgoing.key)}", seconds=ANSWER)
        if answer.status == 404:
            return None
        if answer.is_success:
            return Receipt("sent", http_status=answer.status)
        raise http_errors.of_endpoint(answer)


def _adapt() -> None:
    registry.PROVIDERS[Unkeyed.kind] = Unkeyed  # type: ignore[index]
    claims.LEASE = inbound.LEASE = dt.timedelta(seconds=LEASE)
    claims.LONGEST_CALL_SECONDS = CALL
    draining.LONGEST_CALL_SECONDS = CALL  # type: ignore[attr-defined]
    custom_webhook.SECONDS = ANSWER
    beats.LONGEST_SILENCE = dt.timedelta(seconds=SILENCE)
    ladder.GAPS = tuple(dt.timedelta(seconds=seconds) for seconds in (0.5, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2))
    ladder.RESTS = tuple(dt.timedelta(seconds=seconds) for seconds in (0.5, 1, 2))  # type: ignore[assignment]
    inbound.RETRY_AFTER = tuple(dt.timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 2, 2, 2))


def _poison(kind: type[custom_webhook.CustomWebhook]) -> None:
    """A message to such an address ends the process that sends it, as a broken library would."""
    was = kind.send

    async def send(self: Any, outgoing: Outgoing) -> Receipt:
        if outgoing.address.startswith(POISON):
            os._exit(13)
        return await was(self, outgoing)

    kind.send = send  # type: ignore[method-assign]


# --- Negative controls: each takes one promise away, and the run has to notice --------------------------------------


def _sweeper_off() -> None:
    """Only a ring makes the drain look, as if the broker were the queue."""
    draining.LOOK_EVERY_SECONDS = 10_000.0
    looked = draining.Drain.run

    async def run(self: draining.Drain) -> None:
        await self.wake.wait()
        await looked(self)

    draining.Drain.run = run  # type: ignore[method-assign]


def _lease_off() -> None:
    """What was claimed is never claimed again."""
    claims.LEASE = inbound.LEASE = dt.timedelta(days=1)


def _random_key() -> None:
    """A new key at every further try."""
    was = custom_webhook.CustomWebhook.send
    shortest_gap = dt.timedelta(seconds=0.35)

    async def send(self: Any, outgoing: Outgoing) -> Receipt:
        is_further = outgoing.since is not None and timezone.now() - outgoing.since > shortest_gap
        key = str(uuid.uuid4()) if is_further else outgoing.key
        return await was(self, dataclasses.replace(outgoing, key=key))

    custom_webhook.CustomWebhook.send = send  # type: ignore[method-assign]


def _look_up_off() -> None:
    """What may have arrived is sent again unasked."""

    async def look_up(self: Any, outgoing: Outgoing) -> Receipt | None:
        return None

    Unkeyed.look_up = look_up  # type: ignore[method-assign]


def _order_off() -> None:
    """A conversation's later messages don't wait for its earlier ones."""
    start, end = claims._CLAIM.index("AND NOT EXISTS"), claims._CLAIM.index("ORDER BY")
    claims._CLAIM = claims._CLAIM[:start] + claims._CLAIM[end:]


def _poison_off() -> None:
    """A message may kill workers for ever."""
    claims.MOST_CRASHES = 1_000_000


def _shares_off() -> None:
    """One workspace may have all places."""
    draining.PLACES_OF_ONE = draining.PLACES


def _early_answer() -> None:
    """The provider is answered before COMMIT."""
    was = webhooks.take

    def take(*arguments: Any) -> webhooks.Taken:
        from django.http import JsonResponse

        assert arguments[0].body  # read while the request is there
        threading.Thread(target=was, args=arguments, daemon=True).start()
        return webhooks.Taken(uuid4(), None, [], JsonResponse({}, status=202), is_inline=False)  # type: ignore[arg-type]

    webhooks.take = take  # type: ignore[assignment]


def _paused() -> None:
    """The drain hangs while its process lives, is connected and answers (R12). No control: the run looks for it."""

    async def look(self: draining.Drain) -> int:
        await asyncio.sleep(10_000)
        return 0

    draining.Drain.look = look  # type: ignore[method-assign]


# `unique_off` is the run's own doing: it drops the constraint.
_CONTROLS = {
    "sweeper_off": _sweeper_off,
    "lease_off": _lease_off,
    "random_key": _random_key,
    "look_up_off": _look_up_off,
    "order_off": _order_off,
    "poison_off": _poison_off,
    "shares_off": _shares_off,
    "early_answer": _early_answer,
    "paused": _paused,
}

_adapt()
if CONTROL in _CONTROLS:
    _CONTROLS[CONTROL]()
_poison(custom_webhook.CustomWebhook)

from convoship.asgi import application  # noqa: E402
from convoship.celery import app  # noqa: E402

__all__ = ["app", "application"]
