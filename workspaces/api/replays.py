"""`Idempotency-Key`: a creating POST that is sent twice happens once, and the second gets the first one's answer.

The key's row is inserted before anything else, in the handler's own transaction. A second call that comes while the
first is at work waits at the unique index until that one has committed, and then finds its answer; if the first one
failed, its row is gone with it and the second does the work. Failures are not kept.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import Problem, invalid
from workspaces import spent_keys
from workspaces.api.base import WorkspaceView
from workspaces.models import IdempotencyKey

HEADER = "Idempotency-Key"

_FORM = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")

_PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^{_FORM.pattern}$"},
    OpenApiParameter.HEADER,
    description="Makes it safe to send the call again: for 24 hours the same key answers the same resource.",
)

V = TypeVar("V", bound=WorkspaceView)
P = ParamSpec("P")
Handler = Callable[Concatenate[V, Request, P], Response]


class Answer(Response):
    """A creating handler's answer. `kept` is what a replay shows where the first answer showed something just once."""

    def __init__(self, body: Mapping[str, Any], *, status: int = 201, kept: Mapping[str, Any] | None = None) -> None:
        super().__init__(body, status=status)
        self.kept = body if kept is None else {**kept, "replayed": True}


def idempotent(handler: Handler[V, P]) -> Handler[V, P]:
    """Honour `Idempotency-Key` on this handler, which runs inside `tenant()` and returns an `Answer`."""

    @wraps(handler)
    def run(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not _FORM.fullmatch(key):
            raise invalid({HEADER: ["1 to 255 printable ASCII characters, for instance a random UUID."]})
        row, is_new = _take(key, f"{request.method} {request.path}"[:200], _digest(request.data))
        if not is_new:
            return _replayed(row, _digest(request.data))
        response = handler(view, request, *args, **kwargs)
        if not isinstance(response, Answer):
            raise TypeError(f"{type(view).__name__} is idempotent, so it has to return an Answer")
        IdempotencyKey.objects.filter(id=row.id).update(status=response.status_code, answer=dict(response.kept))
        return response

    documented: Handler[V, P] = extend_schema(parameters=[_PARAMETER])(run)
    return documented


class Waiting:
    """An idempotent call whose work waits for somebody else, so that no transaction may last as long.

    `begin` takes the key and `finish` keeps the answer, each inside a `tenant()` of its own; `give_up` makes the key
    good again for another try. A process that went away in between gives it up by itself after `GIVEN_UP`.
    """

    GIVEN_UP = dt.timedelta(minutes=2)

    def __init__(self, request: Request) -> None:
        self.request = request
        self.row: IdempotencyKey | None = None

    def begin(self) -> Response | None:
        """The answer of an earlier call under this key, if there was one; 409 while that one is at work."""
        key = self.request.headers.get(HEADER)
        if key is None:
            return None
        if not _FORM.fullmatch(key):
            raise invalid({HEADER: ["1 to 255 printable ASCII characters, for instance a random UUID."]})
        route, digest = f"{self.request.method} {self.request.path}"[:200], _digest(self.request.data)
        left = IdempotencyKey.objects.filter(route=route, key=key, status=0)
        left.filter(created_at__lt=timezone.now() - self.GIVEN_UP).delete()
        row, is_new = _take(key, route, digest)
        if is_new:
            self.row = row
            return None
        answer = _replayed(row, digest)
        if not row.status:
            words = "A call with this Idempotency-Key is still at work."
            raise Problem("conflict", words, hint="Send it again in a moment: it then answers the same.")
        return answer

    def finish(self, answer: Answer) -> Answer:
        """Keep this for who asks again."""
        if self.row is not None:
            rows = IdempotencyKey.objects.filter(id=self.row.id)
            rows.update(status=answer.status_code, answer=dict(answer.kept))
        return answer

    def give_up(self) -> None:
        """It came to nothing, and may be tried again under the same key."""
        if self.row is not None:
            IdempotencyKey.objects.filter(id=self.row.id).delete()

    @staticmethod
    def documented(handler: Handler[V, P]) -> Handler[V, P]:
        """For the handler that does so."""
        shown: Handler[V, P] = extend_schema(parameters=[_PARAMETER])(handler)
        return shown


def _take(key: str, route: str, digest: bytes) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether this call is the one that made it."""
    outdated = timezone.now() - spent_keys.KEPT_FOR
    IdempotencyKey.objects.filter(route=route, key=key, created_at__lt=outdated).delete()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(route=route, key=key, body_digest=digest, status=0, answer={})
    except IntegrityError:
        return IdempotencyKey.objects.get(route=route, key=key), False
    spent_keys.sweep()
    return row, True


def _replayed(row: IdempotencyKey, digest: bytes) -> Response:
    if bytes(row.body_digest) != digest:
        raise Problem(
            "idempotency_conflict",
            "This Idempotency-Key was already used for this call with another body.",
            hint="Use a fresh key for each new request; use it again only to repeat the same one.",
        )
    return Response(row.answer, status=row.status, headers={"Idempotency-Replayed": "true"})


def _digest(body: Any) -> bytes:
    """What makes two bodies the same: their JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("utf-8", "surrogatepass")).digest()
