"""Tags: put on conversations and taken off, renamed and deleted. Inside `tenant()`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from convoship.lib.actors import Actor
from convoship.lib.names import shown
from convoship.lib.problems import Problem, invalid, not_found
from deployments import live
from deployments.models import Conversation, ConversationTag, Tag
from workspaces import audit

MOST_OF_ONE = 20
MOST_OF_ALL = 200


def checked(name: str) -> str:
    """The name as a tag has it; 422 `invalid` for what can't be one."""
    tidy = shown(name)
    if not tidy:
        raise invalid({"name": ["Write a word for the tag."]}, "Write a word for the tag.")
    if len(tidy) > Tag.LONGEST_NAME:
        words = f"A tag has at most {Tag.LONGEST_NAME} characters; this one has {len(tidy)}."
        raise invalid({"name": [words]}, words)
    if "," in tidy:
        words = "A tag has no comma."
        raise invalid({"name": [words]}, words)
    return tidy


def of(conversation: Conversation) -> QuerySet[Tag]:
    """The conversation's tags by name."""
    return Tag.objects.filter(tagged__conversation=conversation).order_by("name", "id")


def put(actor: Actor, conversation: Conversation, names: Sequence[str]) -> None:
    """Put tags on a locked conversation, making those that there are none of; which it has already changes nothing."""
    has = {tag.name.casefold() for tag in of(conversation)}
    wanted: dict[str, str] = {}
    for name in map(checked, names):
        wanted.setdefault(name.casefold(), name)
    new = [name for key, name in wanted.items() if key not in has]
    if len(has) + len(new) > MOST_OF_ONE:
        words = f"A conversation has at most {MOST_OF_ONE} tags. Take one off first."
        raise invalid({"tags": [words]}, words)
    # In one order for everybody: two who make the same tags at once wait for each other, and not in a ring.
    for name in sorted(new, key=str.casefold):
        tag = _called(name) or _make(actor, name)
        _, is_new = ConversationTag.objects.get_or_create(conversation=conversation, tag=tag)
        if is_new:
            audit.record(actor, "conversation.tagged", conversation, tag=tag.name)
    if new:
        live.tell_list(conversation)


def take_off(actor: Actor, conversation: Conversation, tag_id: UUID) -> None:
    """Take a tag off; one that the conversation doesn't have changes nothing, one that isn't there is 404."""
    tag = get(tag_id)
    deleted, _ = ConversationTag.objects.filter(conversation=conversation, tag=tag).delete()
    if deleted:
        audit.record(actor, "conversation.untagged", conversation, tag=tag.name)
        live.tell_list(conversation)


def set_all(actor: Actor, conversation: Conversation, names: Sequence[str]) -> None:
    """Give a locked conversation just these tags."""
    kept = {checked(name).casefold() for name in names}
    for tag in of(conversation):
        if tag.name.casefold() not in kept:
            take_off(actor, conversation, tag.id)
    put(actor, conversation, names)


def get(tag_id: UUID) -> Tag:
    """The workspace's tag; 404 where there is none."""
    tag = Tag.objects.filter(id=tag_id).first()
    if tag is None:
        raise not_found()
    return tag


def rename(actor: Actor, tag: Tag, name: str) -> None:
    """Give the tag another name; 409 where another tag has it."""
    before, tag.name = tag.name, checked(name)
    if tag.name == before:
        return
    try:
        with transaction.atomic():
            tag.save(update_fields=["name"])
    except IntegrityError:
        words = f"There is a tag called {tag.name} already."
        raise Problem("conflict", words, errors={"name": [words]}) from None
    audit.record(actor, "tag.renamed", tag, before=before)


def delete(actor: Actor, tag: Tag) -> None:
    """Delete the tag, and take it off every conversation."""
    audit.record(actor, "tag.deleted", tag, conversations=tag.tagged.count())
    tag.delete()


def _called(name: str) -> Tag | None:
    # PostgreSQL's idea of lower case, for the index that keeps names apart has it too.
    return Tag.objects.annotate(lower=Lower("name")).filter(lower=Lower(Value(name))).first()


def _make(actor: Actor, name: str) -> Tag:
    if Tag.objects.count() >= MOST_OF_ALL:
        words = f"The workspace has {MOST_OF_ALL} tags already. Delete one that nobody uses, or choose one of them."
        raise invalid({"tags": [words]}, words)
    try:
        with transaction.atomic():
            tag = Tag.objects.create(name=name)
    except IntegrityError:  # somebody made it a moment ago
        tag = Tag.objects.annotate(lower=Lower("name")).get(lower=Lower(Value(name)))
    else:
        audit.record(actor, "tag.created", tag)
    return tag
