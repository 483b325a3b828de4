"""Saved views of the inbox: made, renamed, shared and deleted. Inside `tenant()`.

A member's own are seen by nobody else. A shared one may be changed by who made it, and by an admin.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Q

from convoship.lib import names
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid, not_found
from deployments.models import SavedView
from workspaces import audit
from workspaces.models import User

MOST_OF_ONE = 30


def checked(name: str) -> str:
    """The name as a view has it; 422 `invalid` for what can't be one."""
    tidy = names.shown(name)
    if not tidy:
        raise invalid({"name": ["Give the view a name."]}, "Give the view a name.")
    if len(tidy) > SavedView.LONGEST_NAME:
        words = f"A name has at most {SavedView.LONGEST_NAME} characters."
        raise invalid({"name": [words]}, words)
    return tidy


def make(actor: Actor, user: User, name: str, filters: Mapping[str, str], *, is_shared: bool) -> SavedView:
    """Keep these filters under a name. Sharing needs `conversations.write`: else 403."""
    _may_share(actor, is_shared)
    if SavedView.objects.filter(maker=user).count() >= MOST_OF_ONE:
        words = f"You have {MOST_OF_ONE} views already. Delete one first."
        raise invalid({"name": [words]}, words)
    view = SavedView.objects.create(maker=user, name=checked(name), filters=dict(filters), is_shared=is_shared)
    audit.record(actor, "view.saved", view, shared=is_shared)
    return view


def get(user: User, view_id: UUID) -> SavedView:
    """A view that this member sees; 404 where there is none."""
    view = SavedView.objects.filter(Q(maker=user) | Q(is_shared=True), id=view_id).first()
    if view is None:
        raise not_found()
    return view


def may_change(actor: Actor, user: User, view: SavedView) -> bool:
    """Whether it is theirs, or shared and they are an admin."""
    return view.maker_id == user.id or (view.is_shared and actor.may("workspace.write"))


def change(actor: Actor, user: User, view: SavedView, name: str, *, is_shared: bool) -> None:
    """Rename the view, share it or stop sharing it; 403 for who may not."""
    _require(actor, user, view)
    if is_shared != view.is_shared:
        _may_share(actor, is_shared)
        if not is_shared and view.maker_id != user.id:
            words = "Only who made the view can keep it to themselves. Delete it instead."
            raise Problem("conflict", words, errors={"is_shared": [words]})
    view.name, view.is_shared = checked(name), is_shared
    view.save(update_fields=["name", "is_shared"])
    audit.record(actor, "view.changed", view, shared=is_shared)


def delete(actor: Actor, user: User, view: SavedView) -> None:
    """Delete the view; 403 for who may not."""
    _require(actor, user, view)
    audit.record(actor, "view.deleted", view, shared=view.is_shared)
    view.delete()


def _require(actor: Actor, user: User, view: SavedView) -> None:
    if not may_change(actor, user, view):
        raise Problem("scope_missing", "Only who made this view, or an admin, can change it.")


def _may_share(actor: Actor, is_shared: bool) -> None:
    if is_shared and not actor.may("conversations.write"):
        words = "Your role may keep views, and not share them."
        raise Problem("scope_missing", words, errors={"is_shared": [words]})
