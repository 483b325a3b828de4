"""Workspaces and the people in them: made, found, and told."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from workspaces import audit
from workspaces.models import Membership, User, Workspace
from workspaces.permissions import PERMISSIONS, Role, of_role


def workspaces_of(user: User) -> list[UUID]:
    """The ids of the user's workspaces, the oldest membership first: a named door through the wall."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspaces_of(%s)", [user.id])
        return [row[0] for row in cursor.fetchall()]


def create_workspace(user: User, name: str, *, ip: str = "") -> Workspace:
    """A new workspace with this user as its owner."""
    workspace_id = uuid4()
    with tenant(workspace_id):
        workspace = Workspace.objects.create(id=workspace_id, name=name)
        Membership.objects.create(user=user, role=Role.OWNER)
        audit.record(actor_of(user, Role.OWNER, ip), "workspace.created", workspace)
    return workspace


def rename_workspace(actor: Actor, workspace: Workspace, name: str) -> None:
    """Give the workspace another name."""
    before, workspace.name = workspace.name, name
    workspace.save(update_fields=["name"])
    audit.record(actor, "workspace.renamed", workspace, before=before, after=name)


def actor_of(user: User, role: str, ip: str = "") -> Actor:
    """The user acting in a workspace with this role."""
    return Actor(kind="user", id=user.id, label=user.email, permissions=of_role(role), ip=ip)


def user_of(actor: Actor) -> User | None:
    """The user who acts; None for keys, staff and the product itself."""
    if actor.kind != "user" or actor.id is None:
        return None
    return User.objects.filter(id=actor.id).first()


def addresses_with(permission: str) -> list[str]:
    """The e-mail addresses of active members whose role has the permission. Inside `tenant()`."""
    members = Membership.objects.select_related("user").filter(role__in=PERMISSIONS[permission], user__is_active=True)
    return sorted(member.user.email for member in members)


def members_with(permission: str) -> list[User]:
    """The active members whose role has the permission, by the name that colleagues see. Inside `tenant()`."""
    rows = Membership.objects.select_related("user").filter(role__in=PERMISSIONS[permission], user__is_active=True)
    return sorted((row.user for row in rows), key=lambda user: (user.display_name.casefold(), user.email))


def addresses_on_duty(permission: str) -> list[str]:
    """Of `addresses_with` those of members who are on duty."""
    members = Membership.objects.select_related("user").filter(role__in=PERMISSIONS[permission], user__is_active=True)
    return sorted(member.user.email for member in members.filter(away_since=None))


def is_away(user_id: UUID) -> bool:
    """Whether this member is not on duty. Inside `tenant()`."""
    return Membership.objects.filter(user_id=user_id).exclude(away_since=None).exists()


def set_away(actor: Actor, membership: Membership, *, is_away: bool) -> bool:
    """Note that a member goes away, or comes on duty; whether that is any change."""
    if is_away == (membership.away_since is not None):
        return False
    membership.away_since = timezone.now() if is_away else None
    membership.save(update_fields=["away_since"])
    audit.record(actor, "member.away" if is_away else "member.on_duty", membership)
    return True


def may(user_id: UUID, permission: str) -> bool:
    """Whether this user may do so in the workspace now: as a member, active, and by their role. Inside `tenant()`."""
    member = Membership.objects.filter(user_id=user_id, user__is_active=True).first()
    return member is not None and permission in of_role(member.role)
