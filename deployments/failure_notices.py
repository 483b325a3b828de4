"""What a visitor reads where no answer came: whether trying again can help, and the way to a person if there is one."""

from __future__ import annotations

from deployments import handoff_form
from deployments.conversations import NewMessage
from deployments.models import Conversation
from deployments.models.conversation import AuthorKind, MessageStatus
from deployments.words import say

# By the failure's code (`responders.base.Code`). The rest may be well again with the next try.
_WORDS = {"key": "answer_down", "model": "answer_down", "quota": "answer_down", "filter": "answer_not_this"}
_WORDS |= {"context": "answer_not_this"}


def notice(conversation: Conversation, code: str, *, offers_person: bool) -> NewMessage:
    """The words for a failure of this code, "" for one that has none; with a button where people can be asked."""
    words = say(_WORDS.get(code, "answer_failed"), conversation.locale)
    if offers_person:
        words = f"{words} {say('answer_or_person', conversation.locale)}"
    return NewMessage(
        author_kind=AuthorKind.SYSTEM,
        text=words,
        blocks=[handoff_form.way_to_person(conversation)] if offers_person else [],
        status=MessageStatus.FAILED,
        reason="",
    )
