"""What is planned for the outbox of a hand-over: what the customer is made to say in an interaction.

An open message has no notes: all that agents read, the transcript too, comes as messages of the customer's. What flows
route by is in `metadata` of the first (text by name), and as participant data of the same names
(`channel.metadata.customAttributes`: docs.ada.cx, handoffs, genesys, custom fields).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app import replies
from channels_app.providers import sent_files, transcripts
from channels_app.providers.base import Planned
from channels_app.providers.desk_port import CLOSED, MESSAGE, OPENED, RECEIPT, TRANSCRIPT
from channels_app.providers.genesys.forms import TELL
from channels_app.providers.genesys.normalized import id_of
from deployments.desks import Case
from deployments.models import Message
from deployments.models.conversation import AuthorKind, Channel

# What an agent's message may have on Open Messaging (help.mypurecloud.com, accept and respond to a message
# interaction). Of a customer's no page says more.
LONGEST_TEXT = 4000
LONGEST_METADATA = 500


def opened(case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
    """The facts and the whole transcript, in as many messages as it takes."""
    lines = ["Handed over by Convoship.", *transcripts.facts(case, page), "", *transcripts.whole(case, messages)]
    first, *more = transcripts.in_pieces(lines, LONGEST_TEXT)
    whose = customer(case)
    content = {"from": whose, "text": first, "metadata": _metadata(case, messages, page)}
    later = [Planned(TRANSCRIPT, {"from": whose, "text": text, "piece": at}) for at, text in enumerate(more, 1)]
    return [Planned(OPENED, content), *later]


def customer(case: Case) -> dict[str, str]:
    """Who writes there: by our conversation's id, which stays the same over its hand-overs and names it to us."""
    visitor = transcripts.visitor_of(case)
    found = {"id": str(case.conversation.id), "idType": "Opaque", "nickname": visitor.shown}
    found |= {"firstName": visitor.name} if visitor.name else {}
    # By an address that somebody only typed, Genesys would make them the contact who has it.
    return found | ({"email": visitor.email} if visitor.is_verified else {})


def _metadata(case: Case, messages: Sequence[Message], page: str) -> dict[str, str]:
    handoff, conversation = case.handoff, case.conversation
    found = {
        "convoship_conversation": str(conversation.id),
        "convoship_case": case.key,
        "convoship_cause": handoff.cause,
        "convoship_reason": handoff.reason,
        "convoship_subject": transcripts.subject(case, messages),
        "convoship_channel": conversation.channel,
        "convoship_language": conversation.locale,
        "convoship_page": conversation.page_url,
        "convoship_link": page,
    }
    return {name: str(value)[:LONGEST_METADATA] for name, value in found.items() if value}


def turn(case: Case, message: Message) -> list[Planned]:
    """What the visitor said, with their files behind the last of it; of a program's words that they are."""
    files: list[dict[str, Any]] = []
    if message.author_kind == AuthorKind.VISITOR:
        words, files = replies.as_text(message), sent_files.told(message.attachments)
    else:
        words = f"{message.author_name or 'A program'} wrote to the visitor: {transcripts.words_of(message)}"
    return _messages(customer(case), words, files)


def files_came(case: Case, message: Message) -> list[Planned]:
    """Files that were on their way."""
    return _messages(customer(case), "", sent_files.told(message.attachments))


def _messages(whose: Mapping[str, str], words: str, files: Sequence[Mapping[str, Any]]) -> list[Planned]:
    pieces = transcripts.in_pieces([words], LONGEST_TEXT) if words else [""]
    planned = [{"from": dict(whose), "text": text, "piece": at} for at, text in enumerate(pieces)]
    planned[-1]["files"] = list(files)
    return [Planned(MESSAGE, content) for content in planned]


def closed(config: Mapping[str, Any], case: Case, outcome: str, words: str) -> list[Planned]:
    """That it is over, to whoever has it; then the interaction is ended, unless that is the agent's to do."""
    is_left = config.get("on_end") == TELL
    # Nobody can answer in an interaction that is ended.
    text = transcripts.ending(outcome if is_left else "", words)
    tells = Planned(CLOSED, {"from": customer(case), "text": text[:LONGEST_TEXT], "closes": True})
    return [tells] if is_left else [tells, Planned(CLOSED, {"ends": True})]


def receipt(case: Case, key: str, why_not: str = "") -> list[Planned]:
    """That an agent's message is in the conversation, or why it is not: the agent sees it beside the message.

    Where it goes on from there by a provider, that one may still fail, which is another receipt.
    """
    content: dict[str, Any] = {"receipt": id_of(key), "to": str(case.conversation.id)}
    content |= {} if why_not or case.conversation.channel == Channel.WEB else {"goes_on": True}
    return [Planned(RECEIPT, content | ({"why_not": why_not[:500]} if why_not else {}))]
