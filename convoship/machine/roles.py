"""The two database roles: what the application's may do, and what it must never be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from convoship.machine.state import MachineError

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

# One row: the role, then why row-level security would not hold it.
_QUESTION = """
SELECT current_user, role.rolsuper, role.rolbypassrls,
       (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
           AND n.nspname NOT LIKE 'pg_toast%%' AND NOT role.rolsuper
           AND pg_has_role(current_user, c.relowner, 'MEMBER'))
  FROM pg_roles role WHERE role.rolname = current_user
"""


def fault(cursor: Any) -> str:
    """Why this connection's role must not run the product, in plain words; empty where it may."""
    cursor.execute(_QUESTION)
    name, is_superuser, bypasses, owned = cursor.fetchone()
    faults = [
        words
        for words, is_so in (
            ("is a superuser", is_superuser),
            ("has BYPASSRLS", bypasses),
            (f"owns {owned} tables (itself or as a member of the role that does)", owned),
        )
        if is_so
    ]
    if not faults:
        return ""
    return (
        f"The role {name} in DATABASE_URL {' and '.join(faults)}, so row-level security would not keep workspaces "
        "apart. "
        "Give DATABASE_URL a role of its own (CREATE ROLE convoship_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '...'), "
        "and "
        "MIGRATE_DATABASE_URL the role that owns the tables; then run `manage.py migrate`, which grants what is needed."
    )


def fault_of(url: str) -> str:
    """The same for a DATABASE_URL; a server that cannot be reached is a fault too."""
    try:
        return _ask(url)
    except psycopg.OperationalError as error:
        return f"DATABASE_URL does not lead to a database: {str(error).strip()}"


def refuse_unsafe(url: str) -> None:
    """For servers that are started without `up`: stop here rather than run without the wall.

    A database that cannot be reached is no reason: the server starts, and /readyz says what is missing.
    """
    try:
        words = _ask(url)
    except psycopg.OperationalError:
        return
    if words:
        raise MachineError(words)


def _ask(url: str) -> str:
    # django-environ knows more names for PostgreSQL than its own library does.
    _scheme, _, rest = url.partition("://")
    with psycopg.connect(f"postgresql://{rest}", connect_timeout=5) as connection:
        return fault(connection.cursor())


class Grants:
    """What the application role may do, given by the owner around a migration.

    Default privileges stand before the first table is made, so a migration that takes a right away again (from an audit
    log's rows, say) is not overruled by the next `migrate`.
    """

    def __init__(self, owner: BaseDatabaseWrapper, application_role: str) -> None:
        self.owner = owner
        self.role = sql.Identifier(application_role)
        self.role_name = application_role

    def needed(self) -> bool:
        """Whether owner and application are two roles; where they are one, start-up refuses later, with words."""
        return str(self.owner.settings_dict["USER"]) != self.role_name

    def before(self) -> bool:
        """Set the default privileges. True where this role had none, and so needs them on what is there too."""
        with self.owner.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_default_acl d, aclexplode(d.defaclacl) a"
                " JOIN pg_roles r ON r.oid = a.grantee"
                " WHERE d.defaclrole = current_user::regrole AND r.rolname = %s)",
                [self.role_name],
            )
            is_new = not cursor.fetchone()[0]
            for what, rights in (
                ("TABLES", "SELECT, INSERT, UPDATE, DELETE"),
                ("SEQUENCES", "USAGE, SELECT"),
                ("FUNCTIONS", "EXECUTE"),
            ):
                cursor.execute(
                    self._statement(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {what} TO {{}}")
                )
        return is_new

    def after(self, *, everything: bool) -> None:
        """Grant on what exists (the first time), and keep the list of migrations read-only."""
        with self.owner.cursor() as cursor:
            cursor.execute(self._statement("GRANT USAGE ON SCHEMA public TO {}"))
            if everything:
                self._grant_on_existing(cursor)
            cursor.execute("SELECT to_regclass('public.django_migrations')")
            if cursor.fetchone()[0]:
                cursor.execute(self._statement("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {}"))

    def _grant_on_existing(self, cursor: Any) -> None:
        # Only what the owner owns: an extension's functions belong to the superuser and are open to everybody anyway.
        cursor.execute(
            "SELECT CASE relkind WHEN 'S' THEN 'S' ELSE 'T' END, oid::regclass::text FROM pg_class"
            " WHERE relowner = current_user::regrole AND relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm', 'S')"
            " UNION ALL SELECT 'F', oid::regprocedure::text FROM pg_proc"
            " WHERE proowner = current_user::regrole AND pronamespace = 'public'::regnamespace"
        )
        for kind, name in cursor.fetchall():  # the names come quoted by PostgreSQL itself
            rights, word = {
                "T": ("SELECT, INSERT, UPDATE, DELETE", "TABLE"),
                "S": ("USAGE, SELECT", "SEQUENCE"),
                "F": ("EXECUTE", "ROUTINE"),
            }[kind]
            cursor.execute(sql.SQL("GRANT {} ON {} {} TO {}").format(*map(sql.SQL, (rights, word, name)), self.role))

    def _statement(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(self.role)  # the text is one of ours
