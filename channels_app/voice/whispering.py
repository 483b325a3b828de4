"""What is said to the person who is to take a call, before they do: who calls, why, and what was said. Reads rows.

Of who called and what they said, never of secrets: short enough to be heard out (`LONGEST` characters).
"""

from __future__ import annotations

from channels_app.models import Call, CallTurn
from deployments import handoff_form
from deployments.channel_forms import said
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import AuthorKind
from deployments.words import language_of

LONGEST, LONGEST_QUOTE, QUOTES = 700, 160, 2
# Of a number without a name so many digits are said, which are enough to know it again.
DIGITS = 4

_WORDS = {
    "en": {
        "call": "A call from {who} for {assistant}.",
        "number": "a number that ends in {digits}",
        "unknown": "an unknown caller",
        "reason": "Reason: {reason}",
        "answers": "They were asked before: {answers}.",
        "said": "They said: {quotes}.",
        "summary": "Earlier: {summary}",
        "press": "Press 1 to take the call.",
        "gone": "The caller is not waiting any more. Goodbye.",
        "refused": "The call goes elsewhere. Goodbye.",
    },
    "de": {
        "call": "Ein Anruf von {who} für {assistant}.",
        "number": "einer Nummer, die auf {digits} endet,",
        "unknown": "einem unbekannten Anrufer",
        "reason": "Grund: {reason}",
        "answers": "Vorher gefragt wurde: {answers}.",
        "said": "Gesagt wurde: {quotes}.",
        "summary": "Zuvor: {summary}",
        "press": "Drücken Sie die 1, um den Anruf anzunehmen.",
        "gone": "Der Anrufer wartet nicht mehr. Auf Wiederhören.",
        "refused": "Der Anruf geht an jemand anderen. Auf Wiederhören.",
    },
}


def words(key: str, locale: str) -> str:
    """One of the sentences, in the closest language there is."""
    return _WORDS[language_of(locale)][key]


def summary(conversation: Conversation, case: Handoff | None) -> str:
    """Who calls, why, and the last that they said, as it is spoken; without the invitation to press a key."""
    text = _WORDS[language_of(conversation.locale)]
    who = conversation.person.name or _number(conversation)
    parts = [text["call"].format(who=who, assistant=conversation.assistant.name)]
    if case is not None and case.reason:
        parts.append(text["reason"].format(reason=_ended(_short(case.reason))))
    if case is not None and case.answers:
        answers = ", ".join(_short(str(value)) for value in case.answers.values())
        parts.append(text["answers"].format(answers=answers))
    if earlier := _earlier(conversation, case):
        parts.append(text["summary"].format(summary=_ended(_short(earlier))))
    if quotes := _quotes(conversation):
        parts.append(text["said"].format(quotes="; ".join(quotes)))
    return said(" ".join(parts))[:LONGEST]


def _number(conversation: Conversation) -> str:
    """Of whom only the number is known: its end, digit by digit."""
    text = _WORDS[language_of(conversation.locale)]
    call = Call.objects.filter(conversation=conversation).first()
    if call is None or not call.other_end.startswith("+"):
        return text["unknown"]
    return text["number"].format(digits=" ".join(call.other_end[-DIGITS:]))


def _quotes(conversation: Conversation) -> list[str]:
    """The last that they said in words: a key says nothing to who hears of it."""
    keyed = CallTurn.objects.filter(call__conversation=conversation).exclude(keys="").exclude(message=None)
    rows = Message.objects.filter(conversation=conversation, author_kind=AuthorKind.VISITOR)
    rows = rows.exclude(text="").exclude(payload=handoff_form.BACK).exclude(id__in=keyed.values("message"))
    last = list(rows.order_by("-seq").values_list("text", flat=True)[:QUOTES])
    return [_short(text).rstrip(".") for text in reversed(last)]


def _earlier(conversation: Conversation, case: Handoff | None) -> str:
    rows = Handoff.objects.filter(conversation=conversation).exclude(summary="")
    if case is not None:
        rows = rows.exclude(id=case.id)
    return rows.order_by("-requested_at").values_list("summary", flat=True).first() or ""


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_QUOTE else words[:LONGEST_QUOTE].rsplit(" ", 1)[0] + " …"


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
