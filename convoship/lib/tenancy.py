"""The wall between workspaces: no tenant row is read or written outside `tenant()`.

Two locks, each sufficient by itself: the manager of a tenant model raises `NoTenant` when no workspace is entered, and
PostgreSQL's row-level security shows the application role nothing until `app.workspace_id` is set for the transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar

from asgiref.sync import iscoroutinefunction
from django.db import connection, models, transaction

from convoship.lib import statements
from convoship.lib.threads import in_thread

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=models.Model)

_current: ContextVar[uuid.UUID | None] = ContextVar("convoship_workspace", default=None)


class NoTenant(RuntimeError):
    """Tenant data was touched outside `tenant()`."""


class AnotherTenant(RuntimeError):
    """`tenant()` was entered for a second workspace inside the first."""


def current_workspace_id() -> uuid.UUID | None:
    """The workspace that this code runs for, or None."""
    return _current.get()


def entered_workspace_id() -> uuid.UUID:
    """The workspace that this code runs for; `NoTenant` outside `tenant()`."""
    workspace_id = _current.get()
    if workspace_id is None:
        raise NoTenant("this needs a workspace: enter one first")
    return workspace_id


def _set_for_transaction(workspace_id: uuid.UUID | None, shared_lock: int | None = None) -> None:
    # Rows are found by their keys, whatever those are: one plan of a prepared statement (`statements`) serves all.
    sql = "SELECT set_config('app.workspace_id', %s, true), set_config('plan_cache_mode', 'force_generic_plan', true)"
    values: list[Any] = [str(workspace_id or "")]
    with statements.cursor() as cursor:
        if shared_lock is None:
            cursor.execute(sql, values)
        else:
            cursor.execute(f"{sql}, pg_advisory_xact_lock_shared(%s)", [*values, shared_lock])


@contextmanager
def tenant(workspace_id: uuid.UUID, *, shared_lock: int | None = None) -> Iterator[None]:
    """Run the block as this workspace, in one transaction. Entering the same workspace again is a savepoint.

    `shared_lock` is the key of an advisory lock to hold, shared, from the start: it costs no statement of its own.
    """
    entered = _current.get()
    if entered is not None and entered != workspace_id:
        raise AnotherTenant(f"tenant {workspace_id} entered inside tenant {entered}")
    with transaction.atomic():
        if entered is not None:
            if shared_lock is not None:
                _set_for_transaction(workspace_id, shared_lock)
            yield
            return
        inside_a_larger_transaction = len(connection.savepoint_ids) > 0
        _set_for_transaction(workspace_id, shared_lock)
        token = _current.set(workspace_id)
        try:
            yield
        finally:
            _current.reset(token)
        # COMMIT, ROLLBACK and going back to a savepoint forget the setting; releasing a savepoint does not.
        if inside_a_larger_transaction:
            _set_for_transaction(None)


def in_tenant(fn: Callable[P, R]) -> Callable[Concatenate[uuid.UUID, P], Awaitable[R]]:
    """Make a synchronous act awaitable as `in_tenant(act)(workspace_id, ...)`: one thread hop, one transaction."""
    if iscoroutinefunction(fn):
        raise TypeError("in_tenant takes a synchronous function: nothing may await inside a transaction")

    def enter(workspace_id: uuid.UUID, *args: P.args, **kwargs: P.kwargs) -> R:
        with tenant(workspace_id):
            return fn(*args, **kwargs)

    async def run(workspace_id: uuid.UUID, *args: P.args, **kwargs: P.kwargs) -> R:
        return await in_thread(enter, workspace_id, *args, **kwargs)

    return run


class TenantQuerySet(models.QuerySet[M]):
    """The base of every tenant model's queryset."""


class TenantManager(models.Manager[M]):
    """Scopes to the entered workspace, fills it in on create, and raises `NoTenant` outside one."""

    def get_queryset(self) -> models.QuerySet[M]:
        workspace_id = _current.get()
        if workspace_id is None:
            raise NoTenant(f"{self.model.__name__} was queried outside tenant(): enter the workspace first")
        return super().get_queryset().filter(**{self.model.TENANT_FIELD: workspace_id})  # type: ignore[attr-defined]


class TenantModel(models.Model):
    """A row that belongs to one workspace. Related managers and `_base_manager` pass through the same wall."""

    TENANT_FIELD = "workspace_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, related_name="+", editable=False)

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save into the entered workspace; another one's row is refused here and by the database."""
        workspace_id = _current.get()
        if workspace_id is None:
            raise NoTenant(f"{type(self).__name__} was saved outside tenant(): enter the workspace first")
        if self.workspace_id is None:
            self.workspace_id = workspace_id
        if self.workspace_id != workspace_id:
            raise AnotherTenant(f"{type(self).__name__} of workspace {self.workspace_id} saved in {workspace_id}")
        super().save(*args, **kwargs)
