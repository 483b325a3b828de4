"""Hand-overs as records: what is planned for the outbox, and how it is sent.

ServiceNowDocs: c_TableAPI.md (POST, PATCH), c_AttachmentAPI.md (`POST /now/attachment/file`). There is no idempotency:
our key is the record's `correlation_id` and is looked for first; `comments` and `work_notes` are journals, to which
writing appends.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app import replies
from channels_app.providers import sent_files, transcripts
from channels_app.providers.base import Outgoing, Planned, ProviderError, Receipt
from channels_app.providers.desk_port import CLOSED, MESSAGE, OPENED, TRANSCRIPT, UNDELIVERED, CaseThere, KnownCase
from channels_app.providers.servicenow import journal, states
from channels_app.providers.servicenow.api import SYS_ID, Api, own_user, raw
from channels_app.providers.servicenow.files import sent_up
from channels_app.providers.servicenow.forms import table_of
from channels_app.providers.servicenow.words import digest, harmless
from convoship.lib.times import moment
from deployments.desks import Case
from deployments.models import Message
from deployments.models.conversation import AuthorKind
from deployments.models.handoff import HandoffOutcome

# By this the business rule knows our records.
MARK = "Convoship"
ORPHAN = (
    "Convoship: this record did not keep its correlation_id, so it belongs to no conversation. What is written here "
    "reaches nobody: close it."
)
# A journal's field takes 4,000 characters, unless somebody made it longer.
LONGEST_NOTE = 3900
MOST_TOGETHER = 20
# Between our clock and the instance's.
CLOCKS_DIFFER = dt.timedelta(minutes=2)
FIELDS = (
    "sys_id,number,state,active,assigned_to,assignment_group,correlation_id,"
    "sys_created_by,sys_created_on,sys_updated_by,sys_updated_on,sys_mod_count"
)


# --- Planned ----------------------------------------------------------------------------------------------------------


def opened(case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
    """A record, what the visitor said last as a comment, and the whole conversation as work notes."""
    visitor = transcripts.visitor_of(case)
    last = [one for one in messages if one.author_kind == AuthorKind.VISITOR]
    words = transcripts.words_of(last[-1]) if last else case.handoff.reason or "A person is wanted."
    facts = transcripts.facts(case, page)
    record = {
        "short_description": transcripts.subject(case, messages),
        "description": "\n".join(facts)[:LONGEST_NOTE],
        "correlation_id": case.key,
        "correlation_display": MARK,
    }
    lines = ["Handed over by Convoship.", *facts, "", *transcripts.whole(case, messages)]
    notes = transcripts.in_pieces([harmless(line) for line in lines], LONGEST_NOTE)
    comment = _said_by(visitor.shown, words[: LONGEST_NOTE - 200])
    files = sent_files.told(last[-1].attachments) if last else []
    turns = [{"who": visitor.shown, "text": "", "files": files, "at": ""}] if files else []
    return [
        Planned(OPENED, {"record": record, "comment": comment}),
        *(Planned(TRANSCRIPT, {"note": note}) for note in notes),
        # A file can only be attached to a record that is there.
        *(Planned(MESSAGE, {"turns": [one]}) for one in turns),
    ]


def turn(case: Case, message: Message) -> list[Planned]:
    """What the visitor said, as comments with their name; of a program's words a work note."""
    if message.author_kind != AuthorKind.VISITOR:
        words = f"{message.author_name or 'A program'} wrote to the visitor: {transcripts.words_of(message)}"
        return [Planned(MESSAGE, {"note": note}) for note in _pieces(words)]
    who, at = transcripts.visitor_of(case).shown, moment(message.created_at)
    told: list[dict[str, Any]] = [
        {"who": who, "text": piece, "files": [], "at": at} for piece in _pieces(replies.as_text(message)) or [""]
    ]
    told[-1]["files"] = sent_files.told(message.attachments)
    return [Planned(MESSAGE, {"turns": [one]}) for one in told]


def files_came(case: Case, message: Message) -> list[Planned]:
    """Files that were on their way."""
    turns = {
        "who": transcripts.visitor_of(case).shown,
        "text": "",
        "files": sent_files.told(message.attachments),
        "at": "",
    }
    return [Planned(MESSAGE, {"turns": [turns]})]


def joined(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Turns of the visitor's together; a note goes alone."""
    turns = [*earlier.get("turns", ()), *later.get("turns", ())]
    is_long = sum(len(one["text"]) for one in turns) > LONGEST_NOTE - 500
    if "turns" not in earlier or "turns" not in later or len(turns) > MOST_TOGETHER or is_long:
        return None
    return {"turns": turns}


def closed(config: Mapping[str, Any], outcome: str, words: str) -> list[Planned]:
    """A note that it is over here; the record is resolved where that is wished, or a member resolved it."""
    resolves = config.get("on_end") == "resolve" or outcome == HandoffOutcome.RESOLVED
    return [Planned(CLOSED, {"note": transcripts.ending(outcome, words), "resolves": resolves})]


def undelivered(said: str, words: str) -> list[Planned]:
    """A note beside a reply that nobody got."""
    return [Planned(UNDELIVERED, {"note": transcripts.undelivered(said, words)})]


def _pieces(text: str) -> list[str]:
    return transcripts.in_pieces(text.splitlines(), LONGEST_NOTE - 200)


def _said_by(who: str, words: str) -> str:
    """A comment with the visitor's name: its author is the integration's user."""
    return harmless(f"{who}: {words}")


# --- Sent -------------------------------------------------------------------------------------------------------------


async def send(api: Api, what: Outgoing) -> Receipt:
    """One of the above."""
    case = what.case or KnownCase(what.address)
    if "record" in what.content:
        return await _open(api, what, case)
    if case.there is None:
        raise ProviderError(
            "The record was never made, so there is nothing to add to.",
            "Look at what became of its opening, above.",
            permanent=True,
            blame="message",
        )
    table = table_in(api, case.there)
    element, text = content_of(what.content)
    for one in what.content.get("turns", ()):
        for file in one["files"]:
            text = f"{text}\n{await sent_up(api, what, table, case.there.ref, file)}".strip()
    text = harmless(text) or "(nothing)"
    body = {element: text}
    if what.content.get("resolves"):
        return await _resolve(api, case.there.ref, table, body, text)
    record = await api.record("PATCH", table, case.there.ref, body, fields=FIELDS)
    return _receipt(record, element, text)


def table_in(api: Api, there: CaseThere) -> str:
    """The table that a case's record is in, whatever the settings name by now."""
    return str(there.about.get("table") or table_of(api.account.config))


def content_of(content: Mapping[str, Any]) -> tuple[str, str]:
    """The journal that something is written into, and the words, but those of files."""
    if "note" in content:
        return "work_notes", harmless(str(content["note"]))
    if "comment" in content:
        return "comments", str(content["comment"])
    lines = [_said_by(one["who"], one["text"] or "(files)") for one in content["turns"]]
    return "comments", "\n".join(lines)


def _receipt(record: Mapping[str, Any], element: str, text: str, there: CaseThere | None = None) -> Receipt:
    """What was written is known later by when it was and what it says: a journal's row has no id in an answer."""
    return Receipt("delivered", mark_of(record, element, text), http_status=200, case=there)


def mark_of(record: Mapping[str, Any], element: str, text: str) -> str:
    """The id that we give what we wrote: when (there), the record's version, and a digest of the words."""
    at = "".join(one for one in raw(record, "sys_updated_on") if one.isdigit())
    return f"{at}:{raw(record, 'sys_mod_count')}:{digest(element, text)}"


async def _resolve(api: Api, ref: str, table: str, body: Mapping[str, Any], text: str) -> Receipt:
    """A note that it is over, and the state; where rules of the instance forbid that state the note says so."""
    state = states.resolved(table, api.account.config, text)
    try:
        record = await api.record("PATCH", table, ref, {**body, **state}, fields=FIELDS)
    except ProviderError as error:
        if error.http_status not in {400, 403}:
            raise
        text = f"{text}\nConvoship could not resolve the record: {error.words}"
        record = await api.record("PATCH", table, ref, {"work_notes": text}, fields=FIELDS)
    return _receipt(record, "work_notes", text)


async def _open(api: Api, what: Outgoing, case: KnownCase) -> Receipt:
    """The record that is there already; else the conversation's earlier one, if that is open; else a new one."""
    found = await find_opened(api, what, case)
    if found is not None:
        return found
    if case.earlier is None:
        return await _create(api, what, "")
    table = table_in(api, case.earlier)
    earlier = await _earlier(api, table, case.earlier.ref)
    if earlier is not None and not states.is_over(table, earlier):
        return await _take_up(api, what, table, raw(earlier, "sys_id"))
    return await _create(api, what, case.earlier.number)


async def find_opened(api: Api, what: Outgoing, case: KnownCase) -> Receipt | None:
    """What an earlier try made or took up, by our key in it."""
    here = table_of(api.account.config)
    before = table_in(api, case.earlier) if case.earlier is not None else here
    for table in dict.fromkeys((here, before)):
        record = await by_key(api, table, what.content["record"]["correlation_id"])
        if record is None:
            continue
        is_again = case.earlier is not None and case.earlier.ref == raw(record, "sys_id")
        # When it was taken up nobody knows any more: not before it was to be.
        began = journal.stamp(what.since - CLOCKS_DIFFER) if what.since else ""
        since = began if is_again else raw(record, "sys_created_on")
        there = await there_of(api, table, record, since=since, is_again=is_again)
        return _receipt(record, "comments", str(what.content["comment"]), there)
    return None


async def by_key(api: Api, table: str, key: str) -> dict[str, Any] | None:
    """The record with our key. A table without that field answers with whatever it has, and is no table for us."""
    rows = await api.rows(table, f"correlation_id={key}", FIELDS, 2)
    if any("correlation_id" not in one for one in rows):
        raise lacks(table, "correlation_id", stops=True)
    return next((one for one in rows if raw(one, "correlation_id") == key), None)


def lacks(table: str, field: str, *, stops: bool, made: str = "") -> ProviderError:
    """A table that does not keep what we need; `made`: the record that was made all the same.

    Where that shows once something is made it doesn't stop the connection: what waited would make it again and again.
    """
    in_vain = f" {made} was made all the same, and what is written there reaches nobody: close it." if made else ""
    return ProviderError(
        f"The table {table} at ServiceNow did not keep the field “{field}”.{in_vain}",
        f"Let the integration's user write {field} (System Security, Access Control), or add that column to the table "
        "(System Definition, Tables), or choose another table in the connection's settings.",
        permanent=True,
        stops=stops,
        blame="connection",
        code=f"lacks_{field}",
    )


async def _earlier(api: Api, table: str, ref: str) -> dict[str, Any] | None:
    """The record that this conversation had before, if it is still there."""
    if not SYS_ID.fullmatch(ref):
        return None
    try:
        return await api.record("GET", table, ref, fields=FIELDS)
    except ProviderError as error:
        if error.http_status == 404:
            return None
        raise


async def _take_up(api: Api, what: Outgoing, table: str, ref: str) -> Receipt:
    """The same record goes on, under the new key, by which it is found after an unknown outcome."""
    text, key = str(what.content["comment"]), what.content["record"]["correlation_id"]
    body = {"comments": text, "correlation_id": key, "correlation_display": MARK, **states.again(table)}
    record = await api.record("PATCH", table, ref, body, fields=FIELDS)
    await _kept(api, table, record, key)
    there = await there_of(api, table, record, since=raw(record, "sys_updated_on"), is_again=True)
    return _receipt(record, "comments", text, there)


async def _create(api: Api, what: Outgoing, earlier: str) -> Receipt:
    table, body = table_of(api.account.config), dict(what.content["record"])
    if earlier:
        body["description"] = f"It goes on from {earlier}.\n{body['description']}"[:LONGEST_NOTE]
    body = fitting(table, body)
    group = await group_of(api)
    body |= {"assignment_group": group} if group else {}
    text = str(what.content["comment"])
    record = await api.record("POST", table, "", {**body, "comments": text}, fields=FIELDS)
    await _kept(api, table, record, body["correlation_id"], is_new=True)
    there = await there_of(api, table, record, since=raw(record, "sys_created_on"))
    return _receipt(record, "comments", text, there)


def fitting(table: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a new record of this table is made of: interactions have a type, and nothing to describe them in.

    What would be described stands in the first work note as well.
    """
    if table == "interaction":
        return {**{name: value for name, value in body.items() if name != "description"}, "type": "chat"}
    return {**body, "contact_type": "chat"} if table == "incident" else dict(body)


async def _kept(api: Api, table: str, record: Mapping[str, Any], key: str, *, is_new: bool = False) -> None:
    """Unknown fields are passed over without a word, so the answer is read.

    A new record that is nobody's then stays: who opens it reads there that it is, as far as that can be written.
    """
    if raw(record, "correlation_id") == key:
        return
    made = ""
    if is_new:
        made = raw(record, "number") or raw(record, "sys_id")
        with contextlib.suppress(ProviderError):
            await api.record("PATCH", table, raw(record, "sys_id"), {"work_notes": ORPHAN}, fields=FIELDS)
    raise lacks(table, "correlation_id", stops=False, made=made)


async def group_of(api: Api) -> str:
    """The sys_id of the group that records go to."""
    named = str(api.account.config.get("assignment_group") or "")
    if not named or SYS_ID.fullmatch(named):
        return named
    rows = await api.rows("sys_user_group", f"name={named}", "sys_id,name", 2)
    found = next((raw(one, "sys_id") for one in rows if raw(one, "name") == named), "")
    if not found:
        raise ProviderError(
            f"There is no group “{named}” at ServiceNow, or the integration's user may not see it.",
            "Write the group's name as in System Security, Users and Groups, Groups, or its sys_id.",
            permanent=True,
            stops=True,
            blame="connection",
        )
    return found


async def there_of(api: Api, table: str, record: Mapping[str, Any], *, since: str, is_again: bool = False) -> CaseThere:
    """The record as a case: what is written in it from `since` on is of this case."""
    user = await _user(api) or raw(record, "sys_updated_by" if is_again else "sys_created_by")
    ref = raw(record, "sys_id")
    about = {
        "table": table,
        "user": user,
        "over": False,
        "assigned_to": raw(record, "assigned_to") if is_again else "",
        "from": since,
        "read": [],
        "names": {},
    }
    return CaseThere(ref, raw(record, "number") or ref[:8], url_of(api, table, ref), about)


async def _user(api: Api) -> str:
    """Who we are there; where that may not be looked up, the record says who made it."""
    try:
        return await own_user(api)
    except ProviderError as error:
        if error.http_status not in {400, 403, 404}:
            raise
        return ""


def url_of(api: Api, table: str, ref: str) -> str:
    """Where agents open a record."""
    return f"{api.base}/nav_to.do?uri={table}.do%3Fsys_id%3D{ref}"
