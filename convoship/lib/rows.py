"""Rows of tenant models in and out of PostgreSQL by written-out SQL, for the statements every visitor's message costs.

Django's query building costs more processor time there than the database does. Columns and conversions stay the
model's, and the wall stays whole: outside `tenant()` this raises as the manager does, another workspace's row is
refused, and row-level security holds whatever the SQL says.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import DatabaseError, connection, models

from convoship.lib import statements
from convoship.lib.tenancy import AnotherTenant, NoTenant, TenantModel, current_workspace_id

M = TypeVar("M", bound=TenantModel)
Fields = tuple["models.Field[Any, Any]", ...]


@cache
def _fields(model: type[TenantModel]) -> Fields:
    return tuple(model._meta.concrete_fields)


@cache
def columns(model: type[TenantModel], alias: str) -> str:
    """The model's columns for a SELECT, in the order that `read` wants."""
    return ", ".join(f'{alias}."{field.column}"' for field in _fields(model))


@cache
def _reading(model: type[TenantModel]) -> tuple[list[str], list[tuple[int, Any]]]:
    names = [field.attname for field in _fields(model)]
    converters = [
        (place, field.from_db_value) for place, field in enumerate(_fields(model)) if hasattr(field, "from_db_value")
    ]
    return names, converters


def read(model: type[M], values: Sequence[Any]) -> M:
    """The instance of a row that was selected with `columns`."""
    names, converters = _reading(model)
    found = list(values)
    for place, convert in converters:
        found[place] = convert(found[place], None, connection)
    return model.from_db(connection.alias, names, found)


def read_each(values: Sequence[Any], *models_: type[TenantModel]) -> list[Any]:
    """The instances of a row selected with the `columns` of several models; None for one that a LEFT JOIN lacks."""
    found: list[Any] = []
    start = 0
    for model in models_:
        end = start + len(_fields(model))
        part = values[start:end]
        found.append(read(model, part) if any(value is not None for value in part) else None)
        start = end
    return found


def one(sql: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row of a query inside `tenant()`, if there is one."""
    if current_workspace_id() is None:
        raise NoTenant("tenant rows were queried outside tenant(): enter the workspace first")
    with statements.cursor() as cursor:
        cursor.execute(sql, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def every(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a query inside `tenant()`."""
    if current_workspace_id() is None:
        raise NoTenant("tenant rows were queried outside tenant(): enter the workspace first")
    with statements.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _selection(model: type[TenantModel], condition: str) -> str:
    return f'SELECT {columns(model, "t")} FROM "{model._meta.db_table}" AS t WHERE {condition}'  # noqa: S608  (names)


def first(model: type[M], condition: str, parameters: Sequence[Any]) -> M | None:
    """The first row `t` of which this written-out condition is true, if there is one; it may go on with ORDER BY."""
    row = one(_selection(model, condition), parameters)
    return read(model, row) if row is not None else None


def where(model: type[M], condition: str, parameters: Sequence[Any]) -> list[M]:
    """All rows `t` of which this is true."""
    return [read(model, row) for row in every(_selection(model, condition), parameters)]


def run(sql: str, parameters: Sequence[Any]) -> int:
    """A statement that changes rows inside `tenant()`; how many."""
    if current_workspace_id() is None:
        raise NoTenant("tenant rows were changed outside tenant(): enter the workspace first")
    with statements.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


@cache
def _insertion(model: type[TenantModel], how_many: int) -> str:
    names = ", ".join(f'"{field.column}"' for field in _fields(model))
    row = f"({', '.join(['%s'] * len(_fields(model)))})"
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES {", ".join([row] * how_many)}'  # noqa: S608  (names)


def insert(instances: Sequence[TenantModel], otherwise: str = "") -> None:
    """INSERT new instances of one model, as `bulk_create` does; `otherwise` is the ON CONFLICT, written out."""
    model = type(instances[0])
    values: list[Any] = []
    for instance in instances:
        _check(instance)
        values += [field.get_db_prep_save(field.pre_save(instance, True), connection) for field in _fields(model)]
    with statements.cursor() as cursor:
        cursor.execute(f"{_insertion(model, len(instances))} {otherwise}", values)
    for instance in instances:
        instance._state.adding, instance._state.db = False, connection.alias


@cache
def _change(model: type[TenantModel], names: tuple[str, ...]) -> tuple[str, Fields]:
    fields: Fields = tuple(model._meta.get_field(name) for name in names)  # type: ignore[misc]
    changes = ", ".join(f'"{field.column}" = %s' for field in fields)
    sql = f'UPDATE "{model._meta.db_table}" SET {changes} WHERE "id" = %s AND "workspace_id" = %s'  # noqa: S608  (names)
    return sql, fields


def update(instance: TenantModel, names: tuple[str, ...]) -> None:
    """UPDATE these fields of a row that is there, as `save(update_fields=...)` does."""
    _check(instance)
    sql, fields = _change(type(instance), names)
    values = [field.get_db_prep_save(field.pre_save(instance, False), connection) for field in fields]
    with statements.cursor() as cursor:
        cursor.execute(sql, [*values, instance.pk, instance.workspace_id])
        if cursor.rowcount != 1:
            raise DatabaseError(f"{type(instance).__name__} {instance.pk} is not there to be changed")


def _check(instance: TenantModel) -> None:
    workspace_id = current_workspace_id()
    if workspace_id is None:
        raise NoTenant(f"{type(instance).__name__} was written outside tenant(): enter the workspace first")
    if instance.workspace_id is None:
        instance.workspace_id = workspace_id
    if instance.workspace_id != workspace_id:
        raise AnotherTenant(f"{type(instance).__name__} of workspace {instance.workspace_id} written in {workspace_id}")
