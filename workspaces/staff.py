"""Staff in a workspace: found by name, entered on the record, left again.

Staff see no tenant's data from outside. They enter one workspace at a time, and that is a line in its audit log.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from convoship.lib import client_ip
from convoship.lib.actors import Actor
from convoship.lib.problems import not_found
from convoship.lib.tenancy import tenant
from workspaces import audit
from workspaces.models import User, Workspace

SESSION_KEY = "staff_workspace"
# After this long one enters again, and it is on the record again.
ENTERED_FOR_SECONDS = 8 * 3600


@dataclass(frozen=True)
class Found:
    """A workspace that staff may enter: nothing of it but its name."""

    id: UUID
    name: str


def find(staff: User, query: str, limit: int = 50) -> list[Found]:
    """Workspaces by a part of their name, their id or a member's whole e-mail address; a named door through the wall.

    Empty for who isn't active staff.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_id, name FROM staff_workspaces(%s, %s, %s)", [staff.id, query, limit])
        return [Found(*row) for row in cursor.fetchall()]


def enter(request: HttpRequest, staff: User, workspace_id: UUID) -> None:
    """Enter the workspace and write it into its audit log; 404 for who may not."""
    if workspace_id not in {found.id for found in find(staff, str(workspace_id))}:
        raise not_found()
    with tenant(workspace_id):
        actor = Actor(kind="staff", id=staff.id, label=staff.email, ip=client_ip.of_request(request))
        audit.record(actor, "staff.entered", Workspace.objects.get(id=workspace_id))
    request.session[SESSION_KEY] = {
        "workspace": str(workspace_id),
        "staff": str(staff.id),
        "at": int(timezone.now().timestamp()),
    }


def entered(request: HttpRequest, staff: User) -> UUID | None:
    """The workspace that this person is in, in this browser."""
    kept = request.session.get(SESSION_KEY)
    if not kept or kept["staff"] != str(staff.id):
        return None
    if timezone.now().timestamp() - kept["at"] > ENTERED_FOR_SECONDS:
        leave(request)
        return None
    return UUID(kept["workspace"])


def leave(request: HttpRequest) -> None:
    """Leave the workspace."""
    request.session.pop(SESSION_KEY, None)
