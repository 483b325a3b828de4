"""What the agent does on the screen, and what Genesys then calls our webhook with."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from channels_app.rehearsal.base import Saying, Unsayable, said
from channels_app.rehearsal.desk import Act, Entry, ShownCase
from channels_app.rehearsal.genesys import answers, cases, shapes, webhooks
from channels_app.rehearsal.genesys.cases import Case
from channels_app.rehearsal.genesys.organisation import Organisation

AGENT = "Alex"
_LONGEST_NAME = 100
# Genesys' own limit of quick replies is not on the pages that could be had.
_MOST_CHOICES = 13

REPLY = Act("reply", "Send")
ACCEPT = Act("accept", "Answer")
TYPING = Act("typing", "Show as typing")
FILE = Act("file", "Send the file at this address")
CHOICES = Act("choices", "Let a bot ask: question | choice | choice")
DISCONNECT = Act("disconnect", "End the conversation")
RETURN = Act("return", "Return to the assistant")
END = Act("end", "End, and let the flow tell")


def do(org: Organisation, typed: Mapping[str, str]) -> Saying:
    """Do what the form says: {address: a conversation's id, does, text, name}; `Unsayable` where it can't be done.

    What was done at Genesys alone has no url: an agent who answers or leaves is told to nobody.
    """
    case = org.cases.find(said(typed, "address", 100))
    if case is None:
        raise Unsayable({"address": ["There is no such conversation any more. Choose another one."]})
    act = _ACTS.get(typed.get("does", ""))
    if act is None:
        raise Unsayable({"does": ["Choose one of the list."]})
    if case["disconnected_at"]:
        raise Unsayable({"does": ["The conversation is disconnected. The customer has to write first."]})
    saying = act(org, case, said(typed, "name", _LONGEST_NAME) or AGENT, typed)
    org.cases.touch(case)
    return saying


def _reply(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    text = said(typed, "text", shapes.LONGEST_TEXT + 1)
    if not text:
        raise Unsayable({"text": ["Write something."]})
    if len(text) > shapes.LONGEST_TEXT:
        raise Unsayable({"text": [f"Genesys takes at most {shapes.LONGEST_TEXT} characters. Write less."]})
    return _sent(org, case, name, text, [])


def _file(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    url = said(typed, "text", 2000)
    if not _is_address(url):
        raise Unsayable({"text": ["Write the https:// address of a file."]})
    filename = unquote(urlsplit(url).path.rpartition("/")[2])[:200] or "file"
    mime = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    kind = mime.partition("/")[0].capitalize()
    attachment = {
        "mediaType": kind if kind in {"Image", "Video", "Audio"} else "File",
        "url": url,
        "mime": mime,
        "filename": filename,
    }
    return _sent(org, case, name, "", [{"contentType": "Attachment", "attachment": attachment}])


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in url
    except ValueError:
        return False


def _choices(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    """A bot flow's question with quick replies (gildas/go-gcloudcx, testdata/openmessaging-inbound-quickreply.json)."""
    # The screen has one line to write in.
    parts = said(typed, "text", shapes.LONGEST_TEXT).replace("|", "\n").splitlines()
    lines = [line.strip() for line in parts if line.strip()]
    question, choices = "".join(lines[:1]), lines[1:]
    if not 1 <= len(choices) <= _MOST_CHOICES:
        raise Unsayable(
            {"text": [f"Write a question and 1 to {_MOST_CHOICES} choices, with | between: Which one? | Red | Blue"]}
        )
    replies = [{"text": one, "payload": one, "action": "Message"} for one in choices]
    message = cases.added(
        case,
        type="Structured",
        time=cases.now(),
        is_inbound=False,
        text=question,
        content=[{"contentType": "QuickReply", "quickReply": one} for one in replies],
        status="sent",
        entity="Bot",
    )
    cases.entered(case, "bot", "Bot flow", "\n".join([question, *(f"- {one}" for one in choices)]))
    return _posted(org, case, message, question)


def _sent(org: Organisation, case: Case, name: str, text: str, content: list[dict[str, Any]]) -> Saying:
    agent = cases.accepted(case, name)
    message = cases.added(
        case,
        time=cases.now(),
        is_inbound=False,
        text=text,
        content=content,
        status="sent",
        by={"id": agent["user_id"], "name": name},
        entity="Human",
    )
    files = [{"name": one["attachment"]["filename"], "url": one["attachment"]["url"]} for one in content]
    cases.entered(case, "agent", name, text, files)
    return _posted(org, case, message, text or files[0]["name"])


def _posted(org: Organisation, case: Case, message: Mapping[str, Any], words: str) -> Saying:
    integration = _called(org, case)
    # What could not be delivered after all retries is known to the organisation, and to nobody else.
    if integration is None or org.loses():
        return _alone(case, words)
    return Saying(org.account.inbound_url, webhooks.text(case, message, integration), case["id"], words)


def _called(org: Organisation, case: Case) -> dict[str, Any] | None:
    """The conversation's integration, where its webhook is at our address; where it is elsewhere we hear nothing."""
    found = org.integration(case["integration_id"])
    return found if found and found["outboundNotificationWebhookUrl"] == org.account.inbound_url else None


def _alone(case: Case, words: str) -> Saying:
    return Saying("", "", case["id"], words)


def _accept(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    cases.accepted(case, name)
    return _alone(case, f"{name} answered.")


def _typing(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    cases.accepted(case, name)
    integration = _called(org, case)
    if integration is None:
        return _alone(case, f"{name} is typing.")
    return Saying(org.account.inbound_url, webhooks.typing(case, integration), case["id"], f"{name} is typing.")


def _disconnect(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    cases.accepted(case, name)
    words = f"{name} ended the conversation."
    cases.disconnected(case, "agent", words)
    return _alone(case, words)


def _return(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    return _by_data_action(org, case, typed, RETURN.word, f"{name} gave the conversation back to the assistant.")


def _end(org: Organisation, case: Case, name: str, typed: Mapping[str, str]) -> Saying:
    return _by_data_action(org, case, typed, END.word, f"{name} ended the conversation, and the flow told.")


def _by_data_action(org: Organisation, case: Case, typed: Mapping[str, str], does: str, words: str) -> Saying:
    """The agent passes it to a flow, which calls us with a data action, and disconnects."""
    summary = said(typed, "text", shapes.LONGEST_TEXT)
    cases.disconnected(case, "agent", words)
    body = webhooks.data_action(case, does, summary)
    return Saying(f"{org.account.inbound_url}{webhooks.RETURN}", body, case["id"], summary or words)


_Done = Callable[[Organisation, Case, str, Mapping[str, str]], Saying]
_ACTS: Mapping[str, _Done] = {
    REPLY.word: _reply,
    ACCEPT.word: _accept,
    TYPING.word: _typing,
    FILE.word: _file,
    CHOICES.word: _choices,
    DISCONNECT.word: _disconnect,
    RETURN.word: _return,
    END.word: _end,
}


def shown(case: Case) -> ShownCase:
    """The conversation as the agent sees it."""
    is_over = bool(case["disconnected_at"])
    waits = cases.connected(case, "agent") is None
    beside = [*([ACCEPT] if waits else []), TYPING, FILE, CHOICES, DISCONNECT, RETURN, END]
    facts = [("Conversation", case["id"]), ("From", f"{case['address']} ({case['id_type']})")]
    facts += [("E-mail", case["email"])] if case["email"] else []
    facts += [(name, value) for name, value in case["attributes"].items()]
    return ShownCase(
        ref=case["id"],
        number=case["id"][:8],
        title=case["name"],
        status=answers.status_of(case),
        facts=facts,
        entries=[Entry(**one) for one in case["entries"]],
        writes=[] if is_over else [REPLY],
        acts=[] if is_over else beside,
    )
