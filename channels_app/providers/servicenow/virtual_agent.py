"""Hand-overs to a live agent over the Virtual Agent: what is planned for the outbox, and how it is sent.

ServiceNowDocs: markdown/api-reference/rest-apis/bot-api.md (`POST /sn_va_as_service/bot/integration`). It has no
idempotency and nothing to look a message up by, so what may have arrived is not sent again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers import sent_files, transcripts
from channels_app.providers.base import Outgoing, Planned, ProviderError, Receipt
from channels_app.providers.desk_port import CLOSED, MESSAGE, OPENED, CaseThere, KnownCase, Looked
from channels_app.providers.servicenow.api import Api, error_of
from deployments.desks import Case
from deployments.models import Message
from deployments.models.conversation import AuthorKind

PATH = "/api/sn_va_as_service/bot/integration"
# Under this our key goes out in `clientVariables`, and comes back.
CASE = "convoship_case"
# bot-api.md, `message.attachment.contentType`.
TYPES = frozenset({"application/pdf", "application/msword", "image/png", "image/jpeg", "text/plain", "video/mpeg"})
LONGEST_TEXT = 20_000
MOST_TOGETHER = 20
# Seconds within which the instance answers an opening, if it can.
HEARD_WITHIN, AGAIN = 60.0, 900.0
# bot-api.md, status codes, 200: what to look at.
UNHEARD = (
    "ServiceNow took the conversation, but nothing came back from it: its answers don't reach Convoship, or it could "
    "not read the request."
)
UNHEARD_REMEDY = (
    "At ServiceNow look at: the message authentication (token), the Bot to Bot Outbound Configuration with its "
    "Connection URL and the attribute X-Convoship-Secret, the REST message, and the System Logs."
)


# --- Planned ----------------------------------------------------------------------------------------------------------


def opened(case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
    """One request with the action AGENT, and the whole conversation as its history."""
    visitor = transcripts.visitor_of(case)
    last = [one for one in messages if one.author_kind == AuthorKind.VISITOR]
    words = transcripts.words_of(last[-1]) if last else case.handoff.reason or "A person is wanted."
    facts = "\n".join(transcripts.facts(case, page))
    began = int(messages[0].created_at.timestamp() * 1000) if messages else int(time.time() * 1000)
    history = [
        _past("Handed over by Convoship.\n" + facts, "Bot", is_bot=True, at=began),
        *(_past_of(one, visitor) for one in messages),
    ]
    locale = case.conversation.locale
    context = {
        "live_agent_only": "true",
        "liveagent_conversation": page,
        "liveagent_visitor": visitor.shown,
        **({"requester_session_language": locale.split("-")[0]} if locale else {}),
    }
    content = {"action": "AGENT", "text": words[:LONGEST_TEXT], "history": history, "context": context}
    files = _files(case, last[-1]) if last else []
    return [Planned(OPENED, {**_who(case), **content}), *files]


def turn(case: Case, message: Message) -> list[Planned]:
    """What the visitor said; of a program's words a line that says whose they are. Files apart: only one fits."""
    if message.author_kind != AuthorKind.VISITOR:
        words = f"[{message.author_name or 'A program'} wrote to the visitor: {transcripts.words_of(message)}]"
    else:
        words = transcripts.words_of(message)
    return [Planned(MESSAGE, {**_who(case), "text": words[:LONGEST_TEXT]}), *_files(case, message)]


def files_came(case: Case, message: Message) -> list[Planned]:
    """Files that were on their way, or never come."""
    lost = [transcripts.not_here(one) for one in message.attachments if one.get("state") not in {None, "", "fetching"}]
    told = [Planned(MESSAGE, {**_who(case), "text": "\n".join(lost)})] if lost else []
    return [*told, *_files(case, message)]


def joined(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Words together, as long as nothing but words waits."""
    if "files" in earlier or "files" in later or "action" in earlier or "action" in later:
        return None
    text = f"{earlier['text']}\n{later['text']}"
    is_long = len(text) > LONGEST_TEXT or text.count("\n") > MOST_TOGETHER * 20
    return None if is_long else {**later, "text": text}


def closed(case: Case) -> list[Planned]:
    """The chat ends."""
    return [Planned(CLOSED, {**_who(case), "action": "END_CONVERSATION", "text": ""})]


def _who(case: Case) -> dict[str, Any]:
    visitor = transcripts.visitor_of(case)
    # Who only typed an address must not become whoever has it at ServiceNow: account linking goes by it.
    email = {"email": visitor.email} if visitor.is_verified else {}
    return {"session": str(case.conversation.id), "user": visitor.id, **email}


def _files(case: Case, message: Message) -> list[Planned]:
    here = sent_files.here(message.attachments)
    return [Planned(MESSAGE, {**_who(case), "text": "", "files": sent_files.told([one])}) for one in here]


def _past_of(message: Message, visitor: transcripts.Visitor) -> dict[str, Any]:
    is_visitor = message.author_kind == AuthorKind.VISITOR
    name = visitor.shown if is_visitor else message.author_name or "Bot"
    at = int(message.created_at.timestamp() * 1000)
    return _past(transcripts.words_of(message), name, is_bot=not is_visitor, at=at)


def _past(words: str, name: str, *, is_bot: bool, at: int) -> dict[str, Any]:
    return {"displayName": name, "isBotMessage": is_bot, "timestamp": str(at), "type": "text", "value": words}


# --- Sent -------------------------------------------------------------------------------------------------------------


async def send(api: Api, what: Outgoing) -> Receipt:
    """One request; whether anybody takes it is told later."""
    case = what.case or KnownCase(what.address)
    content = what.content
    is_opening = content.get("action") == "AGENT"
    if not is_opening and case.there is None:
        raise ProviderError(
            "The conversation was never opened there, so there is nothing to add to.",
            "Look at what became of its opening, above.",
            permanent=True,
            blame="message",
        )
    await post(api, request_of(api, what))
    there = None
    if is_opening:
        session = str(content["session"])
        there = CaseThere(session, f"Chat {session[:8]}", "", {"user": content["user"]})
    return Receipt("accepted", what.key, http_status=200, case=there)


def request_of(api: Api, what: Outgoing) -> dict[str, Any]:
    """The body of a request."""
    content = what.content
    message: dict[str, Any] = {"text": content["text"], "typed": True, "clientMessageId": what.key}
    if content.get("files"):
        message = {"typed": True, "clientMessageId": what.key, **_attachment(api, content["files"])}
    body: dict[str, Any] = {
        "requestId": what.key,
        "botToBot": True,
        "silentMessage": False,
        "clientSessionId": content["session"],
        "clientVariables": {CASE: what.address},
        "userId": content["user"],
        "message": message,
        "timestamp": int(time.time() * 1000),
    }
    if content.get("action"):
        body["action"] = content["action"]
    if content.get("email"):
        body["emailId"] = content["email"]
    if content.get("context"):
        body["contextVariables"] = content["context"]
    if content.get("history"):
        body["history"] = content["history"]
    return body


def _attachment(api: Api, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A file by its address, which the instance fetches; of a type that it doesn't take a line with a link."""
    workspace = api.account.workspace_id
    (file,) = sent_files.linked(files, workspace)
    if file["content_type"] not in TYPES:
        text, _ = sent_files.with_links("", [file], workspace)
        return {"text": text}
    attachment = {
        "clientAttachmentId": str(file["id"]),
        "contentType": file["content_type"],
        "fileName": file["name"],
        "url": file["url"],
    }
    return {"attachment": [attachment]}


async def post(api: Api, body: Mapping[str, Any]) -> None:
    """Its answer says only whether the request was taken: `{status, error?}`, in `result` or bare."""
    found = await api.call("POST", PATH, body)
    result = found.get("result")
    told: Mapping[str, Any] = result if isinstance(result, Mapping) else found
    if told.get("status") != "failure":
        return
    raise ProviderError(
        f"The Virtual Agent did not take it. {error_of(told)}".strip(),
        "Look at the System Logs of the instance, and at the provider VA Bot to Bot.",
        permanent=True,
        blame="connection",
        http_status=200,
    )


async def look_up(what: Outgoing) -> Receipt | None:
    """Nothing there tells, and it is not said twice."""
    raise ProviderError(
        "Whether this reached the Virtual Agent is not known, and it has nothing to look it up by.",
        "Ask the agent at ServiceNow whether they have it.",
        permanent=True,
        ambiguous=True,
        blame="provider",
    )


async def look_at(case: KnownCase) -> Looked:
    """Whether anything was heard since the opening: an instance that answers nobody says 200 all the same."""
    if case.is_heard:
        return Looked([], AGAIN)
    raise ProviderError(UNHEARD, UNHEARD_REMEDY)
