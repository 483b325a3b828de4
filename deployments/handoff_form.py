"""What is asked before a person comes (name, e-mail, question), in the conversation itself, on whatever channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from convoship.lib import names
from deployments import conversations, people
from deployments.conversations import NewMessage
from deployments.handoff_rules import Rules
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import AuthorKind, Channel
from deployments.responders.slots import Unreadable, plain, read
from deployments.words import say

BACK, SKIP = "handoff:assistant", "handoff:skip"
# Of the button that asks for one, where no answer came.
PERSON = "handoff:person"
MOST_TRIES = 2
_KINDS = {"name": "text", "email": "email", "question": "text"}
_LONGEST = {"name": 100, "email": 254, "question": 1000}


def fields(wanted: Sequence[str], conversation: Conversation) -> list[str]:
    """Which of these have to be asked: what is known of the visitor is not, and by phone nobody spells an address."""
    known = {"name": _known(conversation, "name"), "email": _known(conversation, "email")}
    asked = [field for field in dict.fromkeys(wanted) if not known.get(field)]
    return [] if conversation.channel == Channel.VOICE else asked


def wanted_when_closed(form: Sequence[str], channel: str) -> list[str]:
    """What is asked of who waits until people are back: on the web an address too, for the answer may come by mail."""
    return list(dict.fromkeys([*form, "email"] if channel == Channel.WEB else form))


def _known(conversation: Conversation, field: str) -> str:
    """What this conversation says of them; or the person, where that is proved to be the same one."""
    said = conversation.visitor_data.get(field)
    if not said and people.is_surely(conversation):
        said = getattr(conversation.person, field)
    return str(said or "")


def way_back(conversation: Conversation) -> dict[str, Any]:
    """The button that goes back to the assistant."""
    return _buttons(conversation, back_button=BACK)


def way_to_person(conversation: Conversation) -> dict[str, Any]:
    """The button that asks for a person."""
    return _buttons(conversation, wants_person=PERSON)


def _buttons(conversation: Conversation, **payloads: str) -> dict[str, Any]:
    named = [{"label": say(name, conversation.locale), "payload": payload} for name, payload in payloads.items()]
    return {"type": "buttons", "buttons": named}


def is_button(payload: str) -> bool:
    """Whether it is one of a hand-over's own buttons, which mean nothing to an assistant."""
    return payload in (BACK, SKIP)


def goes_back(conversation: Conversation, message: Message, *, is_waiting: bool) -> bool:
    """Whether the visitor wants the assistant back: by the button, or by its words.

    Who waits where nobody can tap may say it in one word; to a person that word may mean anything.
    """
    if is_waiting and _is_word(conversation, message, "back_word"):
        return True
    return message.payload == BACK or _is_said(conversation, message, "back_button")


def _is_word(conversation: Conversation, message: Message, key: str) -> bool:
    return conversation.channel != Channel.WEB and _is_said(conversation, message, key)


def _is_said(conversation: Conversation, message: Message, key: str) -> bool:
    return not message.payload and plain(message.text) == plain(say(key, conversation.locale))


def ask(conversation: Conversation, case: Handoff, rules: Rules, why: str = "") -> Message:
    """Ask for the first field that is left; `why`: what was wrong with the last answer."""
    words = rules.words(f"ask_{case.form_left[0]}", conversation)
    # Both in the last thing that is said: where options are numbers, the last ones count.
    blocks = [_buttons(conversation, skip_button=SKIP, back_button=BACK)]
    return _say(conversation, f"{why}\n\n{words}" if why else words, blocks)


def take(conversation: Conversation, case: Handoff, message: Message, rules: Rules) -> list[Message]:
    """Read an answer: what is said to it. `case.form_left` is empty once all is answered; the case isn't saved."""
    field = case.form_left[0]
    if message.payload and not is_button(message.payload):
        # A button of what was said before: its label is no name.
        return [ask(conversation, case, rules)]
    if not _is_skipped(conversation, message):
        question = {"kind": _KINDS[field], "max": _LONGEST[field]}
        try:
            value = str(read(question, message.text, conversation.locale, timezone.now()).value)
            # What nobody can see is no name.
            value = names.shown(value) if field == "name" else value
            if not value:
                raise Unreadable("")
        except Unreadable as wrong:
            case.form_tries += 1
            if case.form_tries < MOST_TRIES:
                return [ask(conversation, case, rules, str(wrong))]
        else:
            case.answers = {**case.answers, field: value}
            _keep(conversation, field, value)
    case.form_left, case.form_tries = case.form_left[1:], 0
    if case.form_left:
        return [ask(conversation, case, rules)]
    return [_say(conversation, rules.words("form_done", conversation), [way_back(conversation)])]


def _is_skipped(conversation: Conversation, message: Message) -> bool:
    return message.payload == SKIP or _is_said(conversation, message, "skip_button")


def _keep(conversation: Conversation, field: str, value: str) -> None:
    """A name or an address as they typed it: for answering them, and no proof of who they are."""
    if field in ("name", "email") and conversation.person.external_id is None:
        people.identify(conversation, {field: value}, None)


def _say(conversation: Conversation, words: str, blocks: Sequence[Mapping[str, Any]] = ()) -> Message:
    return conversations.post_message(
        conversation, NewMessage(author_kind=AuthorKind.SYSTEM, text=words, blocks=blocks)
    )
