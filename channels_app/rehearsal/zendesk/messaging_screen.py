"""The screen for messaging: the customer's side and the agent's.

Events: github zendesk/sunshine-conversations-api-spec, openapi.yaml 17.12.1 (its `x-webhooks` examples). An agent's
message has the source `zd:agentWorkspace` and the author's subtype `agent`; a ticket that ends gives control back with
the reason `ticketClosed`, or lets it go (`switchboard:releaseControl`), as the account is set up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.rehearsal.base import Unsayable, said
from channels_app.rehearsal.desk import Act, Entry, Role, ShownCase
from channels_app.rehearsal.zendesk import messaging_events as events
from channels_app.rehearsal.zendesk.books import Books, Record
from channels_app.rehearsal.zendesk.messaging import words_of
from channels_app.rehearsal.zendesk.messaging_control import change_control, whose
from channels_app.rehearsal.zendesk.messaging_events import AGENT_TYPE, AGENTS, OWN
from channels_app.rehearsal.zendesk.messaging_shapes import LONGEST_TEXT

BEGIN = "begin"
CUSTOMER, REPLY = Act("customer", "Send"), Act("reply", "Reply")
TYPES, AGENT_TYPES = Act("typing", "Type"), Act("agent_typing", "Type")
ACCEPT = Act("accept", "Accept control")
END = Act("end", "End: give control back")
RELEASE = Act("release", "End: let go of control")
UNDELIVERED = Act("undelivered", "The last message is not delivered")
_TAP = "tap"


def cases(books: Books) -> list[ShownCase]:
    """All conversations, the one that changed last first."""
    found = sorted(books.part("conversations").values(), key=lambda one: one["order"], reverse=True)
    return [_shown(one) for one in found]


def _shown(conversation: Mapping[str, Any]) -> ShownCase:
    entries = [_entry(one) for one in conversation["messages"]]
    entries += [Entry("event", one["name"], one["text"], one["at"]) for one in conversation["log"]]
    is_agents = conversation["active"] == AGENTS
    agents = (AGENT_TYPES, END, RELEASE) if is_agents else ()
    accept = (ACCEPT,) if conversation["pending"] == AGENTS else ()
    taps = [Act(f"{_TAP}:{place}", f"Tap “{one['text']}”") for place, one in enumerate(_buttons(conversation))]
    failed = (UNDELIVERED,) if _is_ours(conversation["messages"][-1:]) else ()
    return ShownCase(
        ref=conversation["id"],
        number=conversation["id"][-6:],
        title=conversation["user"]["name"],
        status=f"Control is {whose(conversation)}",
        facts=[("Customer", conversation["user"]["name"]), ("Channel", "web")],
        entries=sorted(entries, key=lambda one: one.at),
        writes=(REPLY,) if is_agents else (),
        acts=(*accept, *agents, *failed),
        customers=(CUSTOMER, TYPES, *taps),
    )


def _entry(message: Mapping[str, Any]) -> Entry:
    author, content = message["author"], message["content"]
    role: Role = "customer" if author["type"] == "user" else "agent" if "agent" in author.get("subtypes", ()) else "bot"
    files = (
        [{"name": content.get("altText") or content["type"], "url": content["mediaUrl"]}]
        if "mediaUrl" in content
        else []
    )
    labels = " ".join(f"[{one['text']}]" for one in content.get("actions", ()))
    text = "\n".join(part for part in (words_of(content), labels) if part)
    return Entry(role, author.get("displayName") or "Convoship", text, message["received"], files)


def _is_ours(messages: Sequence[Mapping[str, Any]]) -> bool:
    return any(one["source"]["type"] == "api:conversations" for one in messages)


def _buttons(conversation: Mapping[str, Any]) -> list[Record]:
    """What can be tapped: the newest message's buttons; links are nobody's event."""
    newest = conversation["messages"][-1:]
    return [one for message in newest for one in message["content"].get("actions", ()) if one["type"] != "link"]


def done(books: Books, typed: Mapping[str, str]) -> tuple[Record, str, list[str]]:
    """Do what somebody does: the conversation, what is told of it in words, and the bodies that are posted to us.

    Without an `address`, or by `begin`, a customer begins a new conversation; `name` is theirs then.
    """
    does, text = typed.get("does", "") or CUSTOMER.word, said(typed, "text", LONGEST_TEXT)
    ref, name = said(typed, "address", 40), said(typed, "name", 100)
    if does == BEGIN:
        does, ref = CUSTOMER.word, ""
    told: list[Record] = []
    conversation = books.part("conversations").get(ref)
    if conversation is None and (ref or does != CUSTOMER.word):
        raise Unsayable({"address": ["There is no such conversation."]})
    if does in {CUSTOMER.word, REPLY.word} and not text:
        raise Unsayable({"text": ["Write something."]})
    if conversation is None:
        conversation = events.begin(books, name or "Customer")
        user = events.user_json(books, conversation)
        payload = {"conversation": events.short_conversation(books, conversation), "creationReason": "message"}
        told.append(events.event("conversation:create", {**payload, "user": user, "source": events.web_source(books)}))
    shown = _shown(conversation)
    labels = {one.word: one.label for one in (*shown.customers, *shown.writes, *shown.acts)}
    if does not in labels:
        raise Unsayable({"does": ["That can't be done here now."]})
    told += _events(books, conversation, does, text, name)
    return conversation, text or labels[does], events.bodies(books, told)


def _events(books: Books, conversation: Record, does: str, text: str, name: str) -> list[Record]:
    if does.startswith(f"{_TAP}:"):
        return _tapped(books, conversation, _buttons(conversation)[int(does.partition(":")[2])])
    agent = {"type": "business", "subtypes": ["agent"], "displayName": name or "Agent"}
    match does:
        case CUSTOMER.word:
            # Whoever is the switchboard's default has control again of a conversation that nobody has.
            conversation["active"] = conversation["active"] or OWN
            made = events.add_message(
                books,
                conversation,
                events.customer(books, conversation),
                {"type": "text", "text": text},
                events.web_source(books),
            )
            return [events.message_event(books, conversation, made)]
        case REPLY.word:
            content, source = {"type": "text", "text": text}, {"type": AGENT_TYPE}
            made = events.add_message(books, conversation, agent, content, source)
            return [events.message_event(books, conversation, made)]
        case TYPES.word | AGENT_TYPES.word:
            is_customer = does == TYPES.word
            author = events.customer(books, conversation) if is_customer else agent
            source = events.web_source(books) if is_customer else {"type": AGENT_TYPE}
            activity = {"type": "typing:start", "author": author, "source": source}
            payload = {"conversation": events.short_conversation(books, conversation), "activity": activity}
            return [events.event("conversation:typing", payload)]
        case UNDELIVERED.word:
            return [_undelivered(books, conversation)]
    return [_control(books, conversation, does, name or "Agent")]


def _undelivered(books: Books, conversation: Record) -> Record:
    """The customer's channel didn't take our last message (conversationMessageDeliveryFailureEvent)."""
    events.log(books, conversation, "Zendesk", "The last message was not delivered")
    payload = {
        "conversation": events.short_conversation(books, conversation),
        "user": events.user_json(books, conversation),
        "destination": events.web_source(books),
        "message": {"id": conversation["messages"][-1]["id"]},
        "error": {"code": "uncategorized_error", "message": "The channel did not take it"},
        "isFinalEvent": True,
    }
    return events.event("conversation:message:delivery:failure", payload)


def _control(books: Books, conversation: Record, does: str, name: str) -> Record:
    what, target = {
        ACCEPT.word: ("acceptControl", AGENTS),
        END.word: ("passControl", OWN),
        RELEASE.word: ("releaseControl", None),
    }[does]
    change_control(conversation, what, target)
    events.log(books, conversation, name, f"{what}: control is now {whose(conversation)}")
    reason = "" if does == ACCEPT.word else "ticketClosed"
    return events.switchboard_event(books, what, conversation, reason=reason)


def _tapped(books: Books, conversation: Record, button: Mapping[str, Any]) -> list[Record]:
    """A reply button is a message with its payload; a postback is an event, and no message (echoPostback is off)."""
    if button["type"] == "reply":
        content = {"type": "text", "text": button["text"], "payload": button["payload"]}
        author, source = events.customer(books, conversation), events.web_source(books)
        made = events.add_message(books, conversation, author, content, source, button.get("metadata"))
        return [events.message_event(books, conversation, made)]
    events.log(books, conversation, conversation["user"]["name"], f"Tapped: {button['text']}")
    postback: Record = {"payload": button["payload"]}
    if button.get("metadata"):
        postback["metadata"] = button["metadata"]
    payload = {
        "conversation": events.short_conversation(books, conversation),
        "postback": postback,
        "user": events.user_json(books, conversation),
        "source": events.web_source(books),
    }
    return [events.event("conversation:postback", payload)]
