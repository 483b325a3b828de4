"""WhatsApp on a phone, and the Twilio between it and us (twilio.com/docs/whatsapp, twilio.com/docs/content).

The stand-in keeps a clock of its own: who wrote when. A product that forgot the window is refused here as there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.utils import timezone

from channels_app import template_sync, windows
from channels_app.models import Connection, MessageTemplate, Rehearsal
from channels_app.models.rehearsal import LineKind
from channels_app.providers.twilio.whatsapp import TwilioWhatsapp
from channels_app.rehearsal import pictures, whatsapp_contents, whatsapp_writing
from channels_app.rehearsal.base import FAULTS, Answer, Call, Done, Fault, Saying, Unsayable, read, said
from channels_app.rehearsal.twilio_sms import (
    CODES,
    CREDENTIALS,
    NO_NUMBER,
    PAGE,
    PERSON,
    Phone,
    form_of,
    found_here,
    number_of,
    problem,
)
from channels_app.rehearsal.whatsapp_writing import NAME
from convoship.lib.actors import Actor

# How long WhatsApp takes free words after somebody wrote.
WINDOW = windows.LASTS
MOST_PHONES = 100
WINDOW_CLOSED = 63016
_OUTSIDE = "Failed to send freeform message because you are outside the allowed window"

# What is refused at once.
CLOSED_AT_ONCE = Fault("closed_at_once", "Window closed, said at once", "400 with Twilio's code 63016.")
TOO_MANY = Fault("too_many", "Too many for WhatsApp", "429 with Twilio's code 63018.")
# What is taken, and reported as failed a moment later: by its word, the code and why.
CLOSED = Fault("closed", "Window closed, reported", "Taken; a later report says failed, code 63016.")
NOT_JOINED = Fault("not_joined", "They have not joined the sandbox", "Taken; a later report says failed, code 63015.")
NOBODY = Fault("nobody", "WhatsApp knows no such recipient", "Taken; a later report says failed, code 63003.")
NOT_ON_IT = Fault("not_on_it", "The number is not on WhatsApp", "Taken; a later report says failed, code 63024.")
HELD_BACK = Fault("held_back", "Holds back marketing", "Taken; a later report says failed, code 63049.")
PAUSED = Fault("paused", "The template is paused", "Taken; a later report says failed, code 63041.")
REJECTED = Fault("rejected", "The template is rejected", "Taken; a later report says failed, code 63040.")
_REPORTED: Mapping[str, int] = {
    CLOSED.word: WINDOW_CLOSED,
    NOT_JOINED.word: 63015,
    NOBODY.word: 63003,
    NOT_ON_IT.word: 63024,
    HELD_BACK.word: 63049,
    PAUSED.word: 63041,
    REJECTED.word: 63040,
}
_DECISIONS = {"approve": "approved", "reject": "rejected", "pause": "paused"}


class WhatsappPhone(Phone):
    """Twilio's REST and Content APIs as far as we use them, and a person with WhatsApp behind them."""

    kind = TwilioWhatsapp.kind
    title = "WhatsApp"
    screen = "channels_app/rehearsal/whatsapp.html"
    line = "channels_app/rehearsal/whatsapp_line.html"
    head = "channels_app/rehearsal/whatsapp_window.html"
    beside = "channels_app/rehearsal/whatsapp_templates.html"
    style = "app/css/whatsapp.css"
    prefix = TwilioWhatsapp.prefix
    does_read = True
    faults = (
        *FAULTS,
        *(CLOSED, CLOSED_AT_ONCE, TOO_MANY, NOT_JOINED, NOBODY, NOT_ON_IT, HELD_BACK, PAUSED, REJECTED),
        *(PAGE, NO_NUMBER, CREDENTIALS),
        *pictures.FAULTS,
    )
    codes: ClassVar[Mapping[str, tuple[int, int, str]]] = {
        **CODES,
        CLOSED_AT_ONCE.word: (400, WINDOW_CLOSED, _OUTSIDE),
        TOO_MANY.word: (429, 63018, "Rate limit exceeded for Channel"),
    }

    @classmethod
    def contents(cls, account_sid: str) -> dict[str, Any]:
        """Two approved templates."""
        return whatsapp_contents.first(account_sid)

    # --- What we send ---------------------------------------------------------------------------------------------

    def take(self, call: Call) -> Answer:
        """As an SMS; what WhatsApp would not bring is taken, and reported as failed."""
        form = form_of(call)
        sid = form.get("ContentSid", "")
        content = self.rehearsal.contents.get(sid)
        if sid and content is None:
            refused = problem(400, 21655, "The ContentSid is Invalid", note="Refused: there is no such content.")
            return replace(refused, kind=LineKind.TURNED_AWAY, address=form.get("To", "").removeprefix(self.prefix))
        values = whatsapp_contents.values_of(content, form.get("ContentVariables", "")) if content else {}
        if values is None:
            refused = problem(400, 21656, "The ContentVariables are Invalid", note="Refused: no JSON object.")
            return replace(refused, kind=LineKind.TURNED_AWAY, address=form.get("To", "").removeprefix(self.prefix))
        seen = super().take(call)
        if content is not None:
            text, extras = whatsapp_contents.drawn(content, values)
            seen = replace(seen, text=text, extras=extras)
        code = self._refusal(seen.address, content)
        if code:
            return self._reported(seen, code)
        reads = [self.report(seen.provider_id, seen.address, "read")] if self.rehearsal.reads and seen.reports else []
        return replace(seen, reports=[*seen.reports, *reads])

    def _refusal(self, address: str, content: Mapping[str, Any] | None) -> int | None:
        """The code that WhatsApp would not bring it for; None where it does."""
        status = whatsapp_contents.standing(content) if content else ""
        if status in whatsapp_contents.REFUSED_BY:
            return whatsapp_contents.REFUSED_BY[status]
        return None if status == "approved" or is_open(self.rehearsal, address) else WINDOW_CLOSED

    def _reported(self, seen: Answer, code: int) -> Answer:
        """Taken, and reported as failed."""
        reports = [self.report(seen.provider_id, seen.address, "failed", code)] if seen.reports_to else []
        extras = {**seen.extras, "code": code}
        return replace(seen, reports=reports, extras=extras, note=f"Taken, and not brought to them: error {code}.")

    def fail(self, call: Call, fault: str) -> Answer:
        """WhatsApp's own faults, and those of Twilio."""
        if fault in _REPORTED:
            seen = self.take(call)
            return self._reported(seen, _REPORTED[fault]) if seen.kind == LineKind.CAUGHT else seen
        return super().fail(call, fault)

    def report_fields(self, to: str, status: str) -> dict[str, str]:
        """Which channel it is, and what happened."""
        event = {"EventType": status.upper()} if status in {"read", "delivered"} else {}
        return {"ChannelPrefix": "whatsapp", "ChannelToAddress": to, **event}

    # --- What we ask ------------------------------------------------------------------------------------------------

    def look(self, call: Call) -> Answer:
        """And the Content API: contents made, listed, handed in for approval."""
        match call.method, call.path.split("/")[1:]:
            case "POST", ["v1", "Content"]:
                return self._make(read(call.body) or {})
            case "POST", ["v1", "Content", sid, "ApprovalRequests", "whatsapp"] if sid in self.rehearsal.contents:
                return self._hand_in(sid, read(call.body) or {})
            case "DELETE", ["v1", "Content", sid] if sid in self.rehearsal.contents:
                self._keep({other: content for other, content in self.rehearsal.contents.items() if other != sid})
                return Answer(204, note="Deleted a content.")
            case "GET", ["v1", "ContentAndApprovals"]:
                return self._list(call)
            case "GET", ["v1", "Services", sid, "ChannelSenders"]:
                sender = {
                    "sid": "XE" + "0" * 32,
                    "messaging_service_sid": sid,
                    "sender": f"{self.prefix}{self._number}",
                }
                body = {"senders": [sender], "meta": {"key": "senders", "next_page_url": None}}
                return found_here(body, "Looked at the service's senders.")
        return super().look(call)

    def _make(self, asked: Mapping[str, Any]) -> Answer:
        types = asked.get("types")
        if not isinstance(types, dict) or not types or not asked.get("language"):
            return problem(400, 20001, "Parameter is missing", note="Refused: a content needs a language and types.")
        content = whatsapp_contents.make(
            self.account.config["account_sid"],
            name=str(asked.get("friendly_name", "")),
            language=str(asked["language"]),
            types=types,
            variables=asked.get("variables"),
        )
        self._keep(whatsapp_contents.with_one_more(self.rehearsal.contents, content))
        return replace(found_here(content, "Made a content."), status=201)

    def _hand_in(self, sid: str, asked: Mapping[str, Any]) -> Answer:
        if not asked.get("name") or not asked.get("category"):
            return problem(400, 20001, "Parameter is missing", note="Refused: a name and a category are needed.")
        named = {"name": str(asked["name"]), "category": str(asked["category"])}
        content = whatsapp_contents.decided(self.rehearsal.contents[sid], "received", **named)
        self._keep({**self.rehearsal.contents, sid: content})
        return replace(found_here(content["approval_requests"], "Asked WhatsApp to approve a template."), status=201)

    def _list(self, call: Call) -> Answer:
        size, page = max(1, number_of(call.query.get("PageSize", ""))), number_of(call.query.get("Page", "0"))
        rows = whatsapp_contents.in_order(self.rehearsal.contents)
        following = None
        if len(rows) > (page + 1) * size:
            following = f"https://content.twilio.com/v1/ContentAndApprovals?PageSize={size}&Page={page + 1}"
        meta = {"key": "contents", "next_page_url": following, "page": page, "page_size": size}
        return found_here({"contents": rows[page * size : (page + 1) * size], "meta": meta}, "Looked at the templates.")

    def _keep(self, contents: Mapping[str, Any]) -> None:
        self.rehearsal.contents = dict(contents)
        self.rehearsal.save(update_fields=["contents"])

    # --- What is done on the phone, and at WhatsApp -------------------------------------------------------------------

    def say(self, typed: Mapping[str, str]) -> Saying:
        """Words, a tap, a place or a reply; each opens the window. STOP is ours to answer, and nobody else's."""
        errors: dict[str, list[str]] = {}
        number = self.number_typed(typed, errors)
        if typed.get("tap") or typed.get("does") == "place":
            self.sent = None
        done = whatsapp_writing.written(self.connection, typed, errors, self.sent)
        if errors:
            raise Unsayable(errors)
        name = said(typed, "name", whatsapp_writing.LONGEST_NAME) or name_of(self.rehearsal, number)
        phones = {**self.rehearsal.phones, number: {"wrote_at": timezone.now().isoformat(), "name": name}}
        newest = sorted(phones, key=lambda one: str(phones[one]["wrote_at"]))[-MOST_PHONES:]
        self.rehearsal.phones = {one: phones[one] for one in newest}
        sid, form = self.inbound(number, **whatsapp_writing.who(number, name), **done.fields)
        media = self.attach(sid, form)
        return Saying(
            self.account.inbound_url, urlencode(form), number, done.text, sid, extras=done.extras, media=media
        )

    def act(self, actor: Actor, typed: Mapping[str, str]) -> Done:
        """Let a day pass, decide on a template, or have it learnt what was decided."""
        what = typed.get("act", "")
        if what == "day":
            return self._let_a_day_pass(typed.get("with", "").replace("\x00", "")[:255] or PERSON)
        if what == "synchronise":
            template_sync.ask(actor, self.connection)
            return Done("rehearsal.synchronised", "Convoship asks for the templates now.")
        if what in _DECISIONS:
            return self._decide(_DECISIONS[what], typed)
        return super().act(actor, typed)

    def _let_a_day_pass(self, address: str) -> Done:
        phone = self.rehearsal.phones.get(address)
        if phone is None:
            raise Unsayable({"act": [f"{address} has not written yet, so there is no window to close."]})
        earlier = dt.datetime.fromisoformat(phone["wrote_at"]) - WINDOW
        self.rehearsal.phones = {**self.rehearsal.phones, address: {**phone, "wrote_at": earlier.isoformat()}}
        self.rehearsal.save(update_fields=["phones"])
        windows.let_pass(self.connection, address, WINDOW)
        return Done("rehearsal.day_passed", f"24 hours have passed for {address}.", {"address": address})

    def _decide(self, status: str, typed: Mapping[str, str]) -> Done:
        sid = typed.get("sid", "")
        content = self.rehearsal.contents.get(sid)
        if content is None or not whatsapp_contents.is_handed_in(content):
            raise Unsayable({"act": ["There is no such template here any more."]})
        reason = said(typed, "reason", whatsapp_contents.LONGEST_REASON) if status == "rejected" else ""
        if status == "rejected" and not reason:
            raise Unsayable({"act": ["Say why it is rejected: WhatsApp gives a reason, too."]})
        decided = whatsapp_contents.decided(content, status, rejection_reason=reason)
        self._keep({**self.rehearsal.contents, sid: decided})
        name = str(content["approval_requests"]["name"])
        words = f"WhatsApp says of {name}: {status}. Convoship learns it when it synchronises."
        return Done("rehearsal.template_decided", words, {"template": name, "status": status})

    @classmethod
    def shown(cls, connection: Connection, rehearsal: Rehearsal, address: str) -> Mapping[str, Any]:
        """The window as either side has it, and the templates as WhatsApp and Convoship know them."""
        now, whose = timezone.now(), address or PERSON
        ours = windows.of(connection, whose)
        known = dict(MessageTemplate.objects.filter(connection=connection).values_list("sid", "approval"))
        handed_in = [
            one for one in whatsapp_contents.in_order(rehearsal.contents) if whatsapp_contents.is_handed_in(one)
        ]
        closes_at = _closes_at(rehearsal, whose)
        return {
            "name": name_of(rehearsal, whose),
            "phone": whose,
            "window": {
                "has_written": closes_at is not None,
                "theirs": left(closes_at, now),
                "ours": left(ours.closes_at if ours else None, now),
            },
            "templates": [_as_shown(one, known.get(str(one["sid"]), "")) for one in reversed(handed_in)],
        }


def name_of(rehearsal: Rehearsal, address: str) -> str:
    """What somebody calls themselves there."""
    return str(rehearsal.phones.get(address, {}).get("name") or NAME)


def is_open(rehearsal: Rehearsal, address: str) -> bool:
    """Whether WhatsApp takes free words to them now, by its own clock."""
    closes_at = _closes_at(rehearsal, address)
    return closes_at is not None and closes_at > timezone.now()


def _closes_at(rehearsal: Rehearsal, address: str) -> dt.datetime | None:
    phone = rehearsal.phones.get(address)
    return dt.datetime.fromisoformat(phone["wrote_at"]) + WINDOW if phone else None


def left(until: dt.datetime | None, now: dt.datetime) -> str:
    """How much time is left, as "23 h 59 min"; empty where there is none."""
    if until is None or until <= now:
        return ""
    minutes = int((until - now).total_seconds() // 60)
    if not minutes:
        return "less than a minute"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


_TONES = {"approved": "good", "rejected": "bad", "paused": "warn", "disabled": "bad"}


def _as_shown(content: Mapping[str, Any], known: str) -> dict[str, Any]:
    asked = content["approval_requests"]
    text, _ = whatsapp_contents.drawn(content, {})
    status = str(asked["status"])
    return {
        "sid": content["sid"],
        "name": asked["name"],
        "category": str(asked["category"]).lower(),
        "language": content["language"],
        "text": text,
        "status": status,
        "tone": _TONES.get(status, ""),
        "reason": asked["rejection_reason"],
        "is_known": known == status,
    }
