"""Notes that members write for each other in a conversation, and who is mentioned in them.

Every function runs inside `tenant()`. A note is never told to the visitor: its live event goes to the team's group.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import live
from deployments.models import Conversation, Mention, Note
from deployments.safe_text import clean_text
from workspaces import audit
from workspaces.members import members_with, user_of
from workspaces.models import User

_BEFORE_NAME = re.compile(r"(?<![\w@.])@")
_GOES_ON = re.compile(r"[\w@]|[.-]\w")
_NAME = re.compile(r"[^\W\d_]\w*([.-]\w+)*")


@dataclass(frozen=True)
class Added:
    """A note as stored; `is_new` is False where its `client_id` had made it before. `unmet`: see there."""

    note: Note
    is_new: bool
    unmet: Sequence[str] = ()


def add(actor: Actor, conversation: Conversation, text: str, client_id: str | None = None) -> Added:
    """Write a note at the end of a locked conversation; whether it goes on or has ended.

    TextRefused where the text can't be kept, 422 `invalid` where there is none, 409 where `client_id` made another one.
    """
    text = clean_text(text).strip()
    if not text:
        raise invalid({"text": ["Write something first."]})
    earlier = Note.objects.filter(conversation=conversation, client_id=client_id).first() if client_id else None
    if earlier is not None:
        if earlier.text != text:
            raise Problem(
                "idempotency_conflict",
                "This client_id was already used for a note with another text.",
                hint="Use a fresh random client_id for each note; use it again only to repeat the same one.",
            )
        return Added(earlier, is_new=False)
    author = user_of(actor)
    note = Note.objects.create(
        conversation=conversation,
        author=author,
        author_name=(author.display_name if author else actor.shown_as)[:100],
        text=text,
        after_seq=conversation.head_seq,
        client_id=client_id,
    )
    now = timezone.now()
    members = list(members_with("conversations.read"))
    named = [user for user in mentioned(text, members) if user != author]
    Mention.objects.bulk_create(
        Mention(workspace_id=note.workspace_id, note=note, user=user, due_at=now) for user in named
    )
    audit.record(
        actor, "conversation.noted", conversation, note=str(note.id), mentions=[str(user.id) for user in named]
    )
    live.tell_team(conversation, "note")
    return Added(note, is_new=True, unmet=unmet(text, members))


def of(conversation: Conversation, after_seq: int = 0) -> QuerySet[Note]:
    """The conversation's notes that stand after this message or a later one, in order, with who they mention."""
    mentions = Prefetch("mentions", queryset=Mention.objects.select_related("user").order_by("created_at", "id"))
    rows = Note.objects.filter(conversation=conversation, after_seq__gte=after_seq)
    return rows.select_related("author").prefetch_related(mentions).order_by("created_at", "id")


def mentioning(user: User) -> QuerySet[Mention]:
    """Where this member is mentioned, the newest first; with the note, its conversation and who it is with."""
    rows = Mention.objects.filter(user=user, note__conversation__is_test=False)
    return rows.select_related("note__conversation__person", "note__conversation__assistant").order_by(
        "-created_at", "-id"
    )


# --- Who is meant -----------------------------------------------------------------------------------------------------


def handles(members: Sequence[User]) -> dict[User, str]:
    """What is written after `@` to mean one member and nobody else: their name, or their address where two share it."""
    by_name = defaultdict(list)
    for user in members:
        by_name[user.display_name.casefold()].append(user)
    return {
        user: user.display_name if len(by_name[user.display_name.casefold()]) == 1 else user.email for user in members
    }


def mentioned(text: str, members: Iterable[User]) -> list[User]:
    """The members who are meant by an `@name` in a text, each once, in its order.

    A name is the member's whole name, its first word, or their e-mail address, in any case; the longest that fits
    counts. Where it fits several, all of them are meant: better told twice than nobody. Another word of a name counts
    where one member alone has it.
    """
    return list(dict.fromkeys(user for _, meant in _marks(text, members) for user in meant))


def unmet(text: str, members: Iterable[User]) -> list[str]:
    """The names behind an `@` by which nobody is meant, each once, in the text's order."""
    return list(dict.fromkeys(name for name, meant in _marks(text, members) if not meant))


def _marks(text: str, members: Iterable[User]) -> Iterator[tuple[str, Sequence[User]]]:
    """Each `@name` of a text with the members who are meant by it."""
    by_form = _forms(members)
    longest_first = sorted(by_form, key=len, reverse=True)
    folded = text.casefold()
    shown = text if len(text) == len(folded) else folded
    for at in _BEFORE_NAME.finditer(folded):
        for form in longest_first:
            if folded.startswith(form, at.end()) and not _GOES_ON.match(folded, at.end() + len(form)):
                yield shown[at.end() : at.end() + len(form)], by_form[form]
                break
        else:
            name = _NAME.match(shown, at.end())
            if name:
                yield name[0], ()


def _forms(members: Iterable[User]) -> Mapping[str, Sequence[User]]:
    """What may stand behind an `@`, folded, and who is meant by it."""
    by_form, by_word = defaultdict(list), defaultdict(list)
    for user in members:
        for form in {user.display_name, user.display_name.partition(" ")[0], user.email.split("@")[0], user.email}:
            if form.strip():
                by_form[form.casefold()].append(user)
        for word in set(user.display_name.casefold().split()):
            by_word[word].append(user)
    return {word: users for word, users in by_word.items() if len(users) == 1} | by_form
