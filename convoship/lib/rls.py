"""Migration operations for the wall in PostgreSQL: forced row-level security and the named doors through it.

The application role owns nothing and has no BYPASSRLS. FORCE makes the policies hold for the owner role too, so the
owner gets a policy of its own: migrations and the SECURITY DEFINER functions, which run as the owner, see every row.
"""

from __future__ import annotations

from django.db.migrations.operations import RunSQL

CURRENT = "nullif(current_setting('app.workspace_id', true), '')::uuid"


def wall(table: str, column: str = "workspace_id") -> RunSQL:
    """Enable and force row-level security on a tenant table."""
    return RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON {table} USING ({column} = {CURRENT}) WITH CHECK ({column} = {CURRENT});
        CREATE POLICY owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true);
        """,
        f"""
        DROP POLICY owner ON {table};
        DROP POLICY tenant ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def door(name: str, arguments: str, returns: str, body: str, *, before: str = "") -> RunSQL:
    """A SECURITY DEFINER function through the wall: fixed search_path, ids and states only, never content.

    `arguments` is the SQL argument list, `returns` the SQL return type, `body` one SQL query; `before` is the query of
    the door that this one replaces. Grants to the application role are the `migrate` command's work.
    """
    types = ", ".join(part.split()[-1] for part in arguments.split(",")) if arguments else ""

    def made(query: str) -> str:
        return f"""
        CREATE {"OR REPLACE " if before else ""}FUNCTION {name}({arguments}) RETURNS {returns}
            LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
            AS $door$ {query} $door$;
        REVOKE ALL ON FUNCTION {name}({types}) FROM PUBLIC;
        """

    return RunSQL(made(body), made(before) if before else f"DROP FUNCTION {name}({types});")
