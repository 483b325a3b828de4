"""The product without its wall between tenants, to measure what the wall costs. Never for anything else.

No transaction and no `app.workspace_id` around a read, on a copy of the database without row-level security.
"""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from convoship.asgi import application as application
from convoship.lib import tenancy


def _nothing(_workspace_id: UUID | None, _shared_lock: int | None = None) -> None:
    """In place of `set_config`."""


_patched: Any = tenancy
_patched.transaction = SimpleNamespace(atomic=nullcontext)
_patched._set_for_transaction = _nothing
