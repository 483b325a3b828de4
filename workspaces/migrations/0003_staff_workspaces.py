"""The door for staff: which workspace they want to enter. Everything else they see, they see from inside one."""

from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0002_wall")]

    operations: ClassVar = [
        # Nothing for who isn't active staff, so that the application role alone learns no names from it.
        door(
            "staff_workspaces",
            "p_staff uuid, p_query text, p_limit integer",
            "TABLE(workspace_id uuid, name text)",
            """SELECT w.id, w.name::text
                 FROM workspaces_workspace w
                WHERE EXISTS (SELECT 1 FROM workspaces_user u
                               WHERE u.id = p_staff AND u.is_staff AND u.is_active)
                  AND (p_query = ''
                       OR position(lower(p_query) IN lower(w.name)) > 0
                       OR w.id::text = lower(p_query)
                       OR EXISTS (SELECT 1 FROM workspaces_membership m JOIN workspaces_user u ON u.id = m.user_id
                                   WHERE m.workspace_id = w.id AND lower(u.email) = lower(p_query)))
                ORDER BY w.name, w.id
                LIMIT least(p_limit, 100)""",
        ),
    ]
