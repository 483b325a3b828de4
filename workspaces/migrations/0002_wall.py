"""Row-level security on the tenant tables of this app, and the doors through it."""

from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door, wall


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0001_initial")]

    operations: ClassVar = [
        wall("workspaces_workspace", column="id"),
        wall("workspaces_membership"),
        wall("workspaces_apikey"),
        wall("workspaces_auditevent"),
        wall("workspaces_idempotencykey"),
        door(
            "workspaces_of",
            "p_user uuid",
            "SETOF uuid",
            "SELECT workspace_id FROM workspaces_membership WHERE user_id = p_user ORDER BY created_at, workspace_id",
        ),
        door(
            "resolve_api_key",
            "p_digest bytea",
            "TABLE(workspace_id uuid, key_id uuid)",
            "SELECT k.workspace_id, k.id FROM workspaces_apikey k WHERE k.digest = p_digest",
        ),
    ]
