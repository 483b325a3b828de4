"""The door for work that has to come by every workspace: the rotation of master keys. It then enters one at a time."""

from typing import ClassVar

from django.db import migrations

from convoship.lib.rls import door


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0004_secret")]

    operations: ClassVar = [
        door("all_workspaces", "", "SETOF uuid", "SELECT id FROM workspaces_workspace ORDER BY id"),
    ]
