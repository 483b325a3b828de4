"""Hand-overs as tickets: what is planned for the outbox, and how it is sent.

Tickets: developer.zendesk.com/api-reference/ticketing/tickets/tickets (`Idempotency-Key`, `external_id`, follow-ups);
comments: .../tickets/ticket_comments; files: .../tickets/ticket-attachments.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers import sent_files, transcripts
from channels_app.providers.base import Outgoing, Planned, ProviderError, Receipt
from channels_app.providers.desk_port import CLOSED, MESSAGE, OPENED, TRANSCRIPT, UNDELIVERED, CaseThere, KnownCase
from channels_app.providers.zendesk import requesters
from channels_app.providers.zendesk.api import Api
from convoship.lib.times import moment
from deployments.desks import Case
from deployments.models import Message
from deployments.models.conversation import AuthorKind
from deployments.models.handoff import HandoffOutcome

TAG = "convoship"
# A comment may have 64 KB; characters of two and more bytes included.
LONGEST_COMMENT = 20_000
MOST_TOGETHER = 20
NOTHING = "(nothing)"
# Between our clock and Zendesk's.
CLOCKS_DIFFER = dt.timedelta(minutes=2)
LARGEST_UPLOAD = 50 * 1024 * 1024


# --- Planned ----------------------------------------------------------------------------------------------------------


def opened(config: Mapping[str, Any], case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
    """A ticket of the visitor's, and the whole conversation as internal notes in it."""
    visitor = transcripts.visitor_of(case)
    last = [one for one in messages if one.author_kind == AuthorKind.VISITOR]
    words = last[-1].text if last else case.handoff.reason or "A person is wanted."
    requester = {"external_id": f"convoship:{visitor.id}", "name": visitor.shown}
    # By an address that somebody only typed, the visitor would become whoever has it at Zendesk.
    requester |= {"email": visitor.email} if visitor.is_verified else {}
    tags = [TAG, *(one.strip() for one in str(config.get("tags", "")).split(",") if one.strip())]
    ticket = {"subject": transcripts.subject(case, messages), "tags": tags, "external_id": case.key}
    ticket |= {name: config[name] for name in ("group_id", "priority") if config.get(name)}
    notes = transcripts.in_pieces(
        ["Handed over by Convoship.", *transcripts.facts(case, page), "", *transcripts.whole(case, messages)],
        LONGEST_COMMENT,
    )
    files = sent_files.told(last[-1].attachments) if last else []
    content = {"requester": requester, "ticket": ticket, "text": words[:LONGEST_COMMENT], "files": files}
    return [Planned(OPENED, content), *(Planned(TRANSCRIPT, {"note": note}) for note in notes)]


def turn(message: Message) -> list[Planned]:
    """What the visitor said, as their comment; of a program's words a note."""
    if message.author_kind != AuthorKind.VISITOR:
        words = transcripts.words_of(message)
        return [Planned(MESSAGE, {"note": f"{message.author_name or 'A program'} wrote to the visitor: {words}"})]
    text = message.text[:LONGEST_COMMENT]
    turns = [{"text": text, "files": sent_files.told(message.attachments), "at": moment(message.created_at)}]
    return [Planned(MESSAGE, {"turns": turns})]


def files_came(message: Message) -> list[Planned]:
    """Files that were on their way."""
    return [Planned(MESSAGE, {"turns": [{"text": "", "files": sent_files.told(message.attachments), "at": ""}]})]


def joined(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Turns of the visitor's together; a note goes alone."""
    turns = [*earlier.get("turns", ()), *later.get("turns", ())]
    is_long = sum(len(one["text"]) for one in turns) > LONGEST_COMMENT
    if "note" in earlier or "note" in later or len(turns) > MOST_TOGETHER or is_long:
        return None
    return {"turns": turns}


def closed(config: Mapping[str, Any], case: Case, outcome: str, words: str) -> list[Planned]:
    """A note that it is over here; the ticket is solved where that is wished, or a member resolved it."""
    solves = config.get("on_end") == "solve" or outcome == HandoffOutcome.RESOLVED
    return [Planned(CLOSED, {"note": transcripts.ending(outcome, words), "solves": solves})]


def undelivered(said: str, words: str) -> list[Planned]:
    """A note beside a reply that nobody got."""
    return [Planned(UNDELIVERED, {"note": transcripts.undelivered(said, words)})]


# --- Sent -------------------------------------------------------------------------------------------------------------


async def send(api: Api, what: Outgoing) -> Receipt:
    """One of the above."""
    case = what.case or KnownCase(what.address)
    if "ticket" in what.content:
        return await _open(api, what, case)
    if case.there is None:
        raise ProviderError(
            "The ticket was never made, so there is nothing to add to.",
            "Look at what became of its opening, above.",
            permanent=True,
            blame="message",
        )
    if "note" in what.content:
        comment: dict[str, Any] = {"body": what.content["note"], "public": False}
    else:
        comment = await _comment(api, what, case.about.get("requester_id"), what.content["turns"])
    ticket: dict[str, Any] = {"comment": comment}
    if what.content.get("solves"):
        ticket["status"] = "solved"
        if not case.about.get("assignee_id"):
            # Zendesk solves no ticket that is nobody's.
            ticket["assignee_id"] = int((await api.call("GET", "/api/v2/users/me"))["user"]["id"])
    try:
        answer = await api.call("PUT", f"/api/v2/tickets/{case.there.ref}", {"ticket": ticket})
    except ProviderError as error:
        if not is_closed(error) or "turns" not in what.content:
            raise
        return await _follow_up(api, what, case, case.there, comment)
    return Receipt("delivered", _comment_id(answer), http_status=200, case=_there(api, answer, case))


def is_closed(error: ProviderError) -> bool:
    """Whether Zendesk says that the ticket is closed: nothing can be added to it, and what goes on is a follow-up."""
    return error.http_status == 422 and "closed" in f"{error.words} {error.answer}".lower()


async def _open(api: Api, what: Outgoing, case: KnownCase) -> Receipt:
    """The conversation's earlier ticket goes on; one that is closed is followed up; else there is a new one."""
    requester = await requesters.requester(api, what.content["requester"])
    turns = [{"text": what.content["text"], "files": what.content["files"]}]
    comment = await _comment(api, what, requester, turns)
    if case.earlier is None:
        return await _create(api, what, comment, requester)
    again = {"ticket": {"comment": comment, "status": "open", "additional_tags": what.content["ticket"]["tags"]}}
    try:
        answer = await api.call("PUT", f"/api/v2/tickets/{case.earlier.ref}", again)
    except ProviderError as error:
        if error.http_status == 404:
            return await _create(api, what, comment, requester)
        if is_closed(error):
            return await _create(api, what, comment, requester, follows=case.earlier)
        raise
    return Receipt("delivered", _comment_id(answer), http_status=200, case=_there(api, answer, None, requester))


async def _create(
    api: Api, what: Outgoing, comment: Mapping[str, Any], requester: int, *, follows: CaseThere | None = None
) -> Receipt:
    ticket = {**what.content["ticket"], "requester_id": requester, "comment": comment}
    if follows is not None:
        ticket["via_followup_source_id"] = int(follows.ref)
    # Known for two hours: after that `look_up` finds it by `external_id`.
    answer = await api.call("POST", "/api/v2/tickets", {"ticket": ticket}, headers={"Idempotency-Key": what.key})
    return Receipt("delivered", _comment_id(answer), http_status=201, case=_there(api, answer, None, requester))


async def _follow_up(
    api: Api, what: Outgoing, case: KnownCase, closed_one: CaseThere, comment: Mapping[str, Any]
) -> Receipt:
    """The ticket was closed in the middle: what the visitor says goes on in a follow-up of it."""
    requester = int(case.about["requester_id"])
    ticket = {
        "subject": f"Follow-up of #{closed_one.ref}",
        "tags": [TAG],
        "external_id": what.address,
        "requester_id": requester,
        "comment": comment,
        "via_followup_source_id": int(closed_one.ref),
    }
    answer = await api.call("POST", "/api/v2/tickets", {"ticket": ticket}, headers={"Idempotency-Key": what.key})
    return Receipt("delivered", _comment_id(answer), http_status=201, case=_there(api, answer, None, requester))


async def _comment(api: Api, what: Outgoing, requester: Any, turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A public comment of the visitor's, with their files."""
    tokens: list[str] = []
    lines: list[str] = []
    for one in turns:
        lines += [one["text"]] if one["text"] else []
        for file in one["files"]:
            lines.append(await _sent_up(api, what, file, tokens))
    comment = {"body": "\n\n".join(lines) or NOTHING, "public": True, "author_id": int(requester or 0)}
    return {**comment, "uploads": tokens} if tokens else comment


async def _sent_up(api: Api, what: Outgoing, file: Mapping[str, Any], tokens: list[str]) -> str:
    """The line that stands for a file; its token goes to `tokens` where Zendesk has it."""
    if lacking := transcripts.not_here(file):
        return lacking
    if what.read_file is None or int(file.get("size", 0)) > LARGEST_UPLOAD:
        return transcripts.not_there(file, "it is too large for Zendesk")
    name = str(file.get("name", "File"))
    try:
        content = await what.read_file(str(file["id"]))
        answer = await api.call(
            "POST",
            "/api/v2/uploads",
            query={"filename": name},
            content=content,
            headers={"content-type": str(file.get("content_type") or "application/octet-stream")},
        )
    except ProviderError as error:
        if not error.permanent or error.stops:
            raise
        return transcripts.not_there(file, error.words)
    tokens.append(str(answer["upload"]["token"]))
    return f"[file: {name}]"


def _comment_id(answer: Mapping[str, Any]) -> str:
    events = (answer.get("audit") or {}).get("events") or []
    return next((str(one["id"]) for one in events if one.get("type") == "Comment"), "")


def _there(
    api: Api, answer: Mapping[str, Any], case: KnownCase | None, requester: int | None = None, *, seen: int = 0
) -> CaseThere:
    """The ticket as an answer has it. What was read in it so far stays, where it is the same.

    `seen`: the comment up to which it counts as read, where the answer itself doesn't tell of ours.
    """
    ticket = answer["ticket"]
    about: dict[str, Any] = {}
    if requester is not None:
        about["requester_id"] = requester
        about["assignee_id"] = ticket.get("assignee_id")
    if case is None:
        # Of a ticket that goes on only looks tell how it stands: an agent may have solved it meanwhile.
        about["status"] = ticket.get("status", "")
        about["seen"] = int(_comment_id(answer) or seen)
    ref = str(ticket["id"])
    return CaseThere(ref, f"#{ref}", url_of(api, ref), about)


def url_of(api: Api, ref: str) -> str:
    """Where agents open a ticket."""
    subdomain = api.account.config["subdomain"]
    return f"https://{subdomain}.zendesk.com/agent/tickets/{ref}"


# --- After an unknown outcome -----------------------------------------------------------------------------------------


async def look_up(api: Api, what: Outgoing) -> Receipt | None:
    """What was made of it, if anything was: a ticket by `external_id`, a comment by its words."""
    case = what.case or KnownCase(what.address)
    if "ticket" in what.content:
        found = await api.call("GET", "/api/v2/tickets", query={"external_id": what.content["ticket"]["external_id"]})
        if tickets := found.get("tickets"):
            ticket = tickets[0]
            return Receipt("delivered", case=_there(api, {"ticket": ticket}, None, ticket.get("requester_id")))
        if case.earlier is None:
            return None
        words = _first_words([what.content])
        return await _comment_in(api, what, case.earlier.ref, words, is_opening=True)
    if case.there is None:
        return None
    words = what.content.get("note") or _first_words(what.content["turns"])
    found_here = await _comment_in(api, what, case.there.ref, words)
    if found_here is not None or "turns" not in what.content:
        return found_here
    # A follow-up may have been made of it.
    followed = await api.call("GET", "/api/v2/tickets", query={"external_id": what.address})
    newer = [one for one in followed.get("tickets", ()) if str(one["id"]) != case.there.ref]
    return await _comment_in(api, what, str(newer[-1]["id"]), words, is_opening=True) if newer else None


def _first_words(turns: Sequence[Mapping[str, Any]]) -> str:
    """What a comment of these begins with; one of files alone has their lines."""
    first = turns[0]
    return str(first["text"]) or ("[file" if first["files"] else NOTHING)


async def _comment_in(api: Api, what: Outgoing, ref: str, words: str, *, is_opening: bool = False) -> Receipt | None:
    """A comment of ours with these words that stands there since, and is none that we know of."""
    query = {"sort": "-created_at", "page[size]": 30}
    found = await api.call("GET", f"/api/v2/tickets/{ref}/comments", query=query)
    since = moment(what.since - CLOCKS_DIFFER)[:19] if what.since else ""
    for one in found.get("comments", ()):
        is_new = str(one["id"]) not in what.others and str(one.get("created_at", "")) >= since
        is_api = (one.get("via") or {}).get("channel") == "api"
        if is_new and is_api and _alike(str(one.get("plain_body") or one.get("body", "")), words):
            there = None
            if is_opening:
                ticket = await api.call("GET", f"/api/v2/tickets/{ref}")
                there = _there(api, ticket, None, ticket["ticket"].get("requester_id"), seen=int(one["id"]))
            return Receipt("delivered", str(one["id"]), case=there)
    return None


def _alike(found: str, words: str) -> bool:
    """Whether a comment begins with these words. Zendesk gives blanks and empty lines back in its own way."""
    begins = " ".join(words.split())[:300]
    return bool(begins) and " ".join(found.split()).startswith(begins)
