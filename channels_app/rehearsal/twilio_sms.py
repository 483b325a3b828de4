"""A phone, and the Twilio between it and us (twilio.com/docs/messaging)."""

from __future__ import annotations

import json
import secrets
import uuid
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from django import forms

from channels_app.models import RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import same
from channels_app.providers.numbers import e164
from channels_app.providers.twilio import signing, words
from channels_app.providers.twilio.forms import SmsForm
from channels_app.providers.twilio.sms import TwilioSms
from channels_app.rehearsal import pictures
from channels_app.rehearsal.base import (
    FAULTS,
    LIMITED,
    RETRY_AFTER_SECONDS,
    Answer,
    Call,
    Fault,
    Report,
    Saying,
    StandIn,
    Unsayable,
    said,
    turned_away,
)

NUMBER, PERSON = "+14155552671", "+14155550123"
LONGEST = 1600

OPTED_OUT = Fault("opted_out", "They have opted out", "400 with Twilio's code 21610.")
NO_NUMBER = Fault("no_number", "No such number", "400 with Twilio's code 21211.")
CREDENTIALS = Fault("credentials", "Wrong auth token", "401 with Twilio's code 20003.")
PAGE = Fault("page", "Answers a web page", "200 with HTML, as a proxy in between would; nothing is taken.")
NOT_REACHED = Fault("not_reached", "Takes it, can't deliver it", "Taken; a later report says undelivered, code 30003.")

CODES: Mapping[str, tuple[int, int, str]] = {
    OPTED_OUT.word: (400, 21610, "Attempt to send to unsubscribed recipient"),
    NO_NUMBER.word: (400, 21211, "Invalid 'To' Phone Number"),
    CREDENTIALS.word: (401, 20003, "Authenticate"),
    LIMITED.word: (429, 20429, "Too Many Requests"),
}
# What Twilio itself answers these words.
_ASIDES = {
    "stop": "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe.",
    "start": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "help": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}
_NEWEST = 50


class Phone(StandIn):
    """Twilio's REST API as far as we use it, and a person with a phone behind it."""

    kind = TwilioSms.kind
    title = "A phone"
    screen = "channels_app/rehearsal/phone.html"
    faults: ClassVar[Sequence[Fault]] = (
        *(*FAULTS, PAGE, OPTED_OUT, NO_NUMBER, CREDENTIALS, NOT_REACHED),
        *pictures.FAULTS,
    )
    does_report = True
    sends_files = True
    content_type = f"{signing.FORM}; charset=UTF-8"
    # What Twilio puts before an address of the channel.
    prefix: ClassVar[str] = ""
    codes: ClassVar[Mapping[str, tuple[int, int, str]]] = CODES

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """An account and a number, or those of the connection that it is like."""
        own = {"account_sid": f"AC{secrets.token_hex(16)}", "from_number": NUMBER, "rate": 20}
        kept = {name: value for name, value in like.items() if name not in {"api_base_url", "rate"}}
        return {**own, **kept} if not kept.get("messaging_service_sid") else {**own, **kept, "from_number": ""}

    @classmethod
    def credentials(cls) -> dict[str, str]:
        """An auth token."""
        return {SmsForm.credentials[0]: secrets.token_hex(16)}

    # --- What we ask of Twilio --------------------------------------------------------------------------------------

    @property
    def _root(self) -> str:
        return f"/2010-04-01/Accounts/{self.account.config['account_sid']}"

    @property
    def _number(self) -> str:
        return str(self.account.config.get("from_number") or NUMBER)

    def refuse(self, call: Call) -> Answer | None:
        """Basic auth with the account's SID and its auth token."""
        if pictures.is_open(call):
            return None
        token = self.account.credentials.get(SmsForm.credentials[0], "")
        wanted = b64encode(f"{self.account.config['account_sid']}:{token}".encode()).decode()
        if token and same(call.headers.get("authorization", ""), f"Basic {wanted}"):
            return None
        refused = problem(*self.codes[CREDENTIALS.word], note="Refused: another account or auth token.")
        return replace(refused, kind=LineKind.REFUSED)

    def is_sent(self, call: Call) -> bool:
        """Only what makes a message."""
        return call.method == "POST" and call.path == f"{self._root}/Messages.json"

    def is_fetched(self, call: Call) -> bool:
        """Only what asks the API for a file, which leads to where it is."""
        return pictures.is_asked(call)

    def spoil(self, call: Call, fault: str) -> Answer:
        """As any of its files."""
        return pictures.spoiled(fault)

    def take(self, call: Call) -> Answer:
        """Make a message of it; reports follow at the address that came with it."""
        form = form_of(call)
        fields = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
        media = [{"url": value[:1000]} for name, value in fields if name == "MediaUrl"][:10]
        to, callback = form.get("To", "").removeprefix(self.prefix), form.get("StatusCallback", "")
        text = self.words_of(form)
        sid = f"SM{uuid.uuid4().hex}"
        seen = Answer(
            201,
            json.dumps({**self._as_json(sid, to, text, "queued"), "num_media": str(len(media))}),
            kind=LineKind.CAUGHT,
            address=to,
            text=text,
            provider_id=sid,
            media=media,
            delivery_id=dict(parse_qsl(callback.partition("?")[2])).get("delivery", ""),
        )
        if to in self.rehearsal.opted_out:
            return self._instead(seen, OPTED_OUT.word, "Refused: they have opted out.")
        reports = [self.report(sid, to, status) for status in ("sent", "delivered")]
        return replace(seen, reports=reports if callback else (), reports_to=callback)

    def words_of(self, form: Mapping[str, str]) -> str:
        """What the phone shows of a message."""
        return form.get("Body", "")

    def fail(self, call: Call, fault: str) -> Answer:
        """Twilio's own faults, in its words."""
        seen = self.take(call)
        if fault == NOT_REACHED.word:
            reports = [self.report(seen.provider_id, seen.address, "sent")]
            reports.append(self.report(seen.provider_id, seen.address, "undelivered", 30003))
            return replace(seen, reports=reports if seen.reports_to else ())
        if fault == PAGE.word:
            page = "<!doctype html><title>Welcome</title><h1>It works!</h1>"
            return replace(turned_away(seen, 200, "Not taken: a page.", page), content_type="text/html")
        if fault not in self.codes:
            return super().fail(call, fault)
        answer = self._instead(seen, fault, f"Not taken: {self.codes[fault][2]}.")
        is_later = self.codes[fault][0] == 429
        return replace(answer, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}) if is_later else answer

    def _instead(self, seen: Answer, fault: str, note: str) -> Answer:
        """Twilio's refusal of what was sent."""
        refused = problem(*self.codes[fault], note=note)
        return turned_away(seen, refused.status, note, refused.body)

    def look(self, call: Call) -> Answer:
        """What *Test*, *Set the addresses at Twilio* and a look-up ask, and where files are."""
        file = pictures.answer(self.connection, call, self.account.base_url)
        if file is not None:
            return file
        config, path = self.account.config, call.path.removeprefix(self._root)
        service = str(config.get("messaging_service_sid", ""))
        body: dict[str, Any]
        match call.method, path:
            case "GET", "/Messages.json":
                to = call.query.get("To", "").removeprefix(self.prefix)
                found = RehearsalLine.objects.filter(connection=self.connection, kind=LineKind.CAUGHT, address=to)
                rows = [
                    self._as_json(line.provider_id, to, line.text, line.status or "queued", line)
                    for line in found.order_by("-created_at")[: min(number_of(call.query.get("PageSize", "")), _NEWEST)]
                ]
                body = {"messages": rows, "next_page_uri": None, "page": 0}
                return found_here(body, f"Looked up what went to {to}.", to)
            case "GET", ".json":
                body = {"sid": config["account_sid"], "friendly_name": "Rehearsal", "status": "active", "type": "Full"}
                return found_here(body, "Looked at the account.")
            case "GET", "/IncomingPhoneNumbers.json":
                return found_here({"incoming_phone_numbers": [self._number_json()]}, "Looked at the number.")
            case "POST", path if path.startswith("/IncomingPhoneNumbers/"):
                return found_here(self._number_json(), "Set where what people write is delivered.")
            case _, path if service and path == f"/v1/Services/{service}":
                return found_here(self._service_json(service), "Looked at the messaging service.")
            case "GET", path if service and path == f"/v1/Services/{service}/PhoneNumbers":
                numbers = [{"sid": "PN" + "0" * 32, "phone_number": NUMBER}]
                meta = {"key": "phone_numbers", "next_page_url": None}
                return found_here({"phone_numbers": numbers, "meta": meta}, "Looked at the service's numbers.")
        return problem(404, 20404, "The requested resource was not found", note="Not known here.")

    def _number_json(self) -> dict[str, Any]:
        return {
            "sid": "PN" + "0" * 32,
            "phone_number": self._number,
            "capabilities": {"sms": True, "mms": True, "voice": True},
            "sms_url": self.account.inbound_url,
            "sms_method": "POST",
            "sms_application_sid": "",
        }

    def _service_json(self, sid: str) -> dict[str, Any]:
        return {
            "sid": sid,
            "friendly_name": "Rehearsal",
            "inbound_request_url": self.account.inbound_url,
            "inbound_method": "POST",
            "use_inbound_webhook_on_number": False,
            "status_callback": self.account.status_url,
        }

    def _as_json(self, sid: str, to: str, text: str, status: str, line: RehearsalLine | None = None) -> dict[str, Any]:
        service = self.account.config.get("messaging_service_sid") or None
        return {
            "sid": sid,
            "account_sid": self.account.config["account_sid"],
            "to": f"{self.prefix}{to}",
            "from": None if service else f"{self.prefix}{self._number}",
            "messaging_service_sid": service,
            "body": text,
            "status": status,
            "direction": "outbound-api",
            "date_created": format_datetime(line.created_at) if line else None,
            "date_sent": None,
            "error_code": line.extras.get("code") if line else None,
            "error_message": None,
            "num_segments": "1",
            "num_media": str(len(line.media)) if line else "0",
        }

    def report(self, sid: str, to: str, status: str, code: int | None = None) -> Report:
        """What Twilio will say of a message."""
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "AccountSid": str(self.account.config["account_sid"]),
            "From": f"{self.prefix}{self._number}",
            "To": f"{self.prefix}{to}",
            "ApiVersion": "2010-04-01",
        }
        form |= self.report_fields(to, status)
        return Report(status, urlencode(form | ({"ErrorCode": str(code)} if code else {})))

    def report_fields(self, to: str, status: str) -> dict[str, str]:
        """What a report of the channel says beside that."""
        return {}

    # --- What the phone writes --------------------------------------------------------------------------------------

    def say(self, typed: Mapping[str, str]) -> Saying:
        """An SMS from this number; STOP and the like do at Twilio what they do there."""
        errors: dict[str, list[str]] = {}
        number, text = self.number_typed(typed, errors), said(typed, "text", LONGEST)
        if not (text or self.sent):
            errors["text"] = ["Write something, or choose a file."]
        if errors:
            raise Unsayable(errors)
        wish = words.wish_of(text, "", ())
        out = [one for one in self.rehearsal.opted_out if one != number]
        if wish == "stop":
            self.rehearsal.opted_out = [*out, number]
        elif wish == "start":
            self.rehearsal.opted_out = out
        sid, form = self.inbound(number, Body=text, **({"OptOutType": wish.upper()} if wish else {}))
        media = self.attach(sid, form)
        aside = _ASIDES.get(wish, "")
        return Saying(self.account.inbound_url, urlencode(form), number, text, sid, aside, media=media)

    def number_typed(self, typed: Mapping[str, str], errors: dict[str, list[str]]) -> str:
        """Whose phone it is; what is wrong with it goes to `errors`."""
        try:
            return e164(typed.get("address", "").replace("\x00", "") or PERSON)
        except forms.ValidationError as error:
            errors["address"] = list(error.messages)
            return PERSON

    def inbound(self, number: str, **more: str) -> tuple[str, dict[str, str]]:
        """A message's SID, and the form that Twilio posts for it."""
        sid = f"SM{uuid.uuid4().hex}"
        form = {
            "MessageSid": sid,
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "AccountSid": str(self.account.config["account_sid"]),
            "From": f"{self.prefix}{number}",
            "To": f"{self.prefix}{self._number}",
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
        }
        service = self.account.config.get("messaging_service_sid")
        form |= {"MessagingServiceSid": str(service)} if service else {}
        return sid, form | more

    def attach(self, sid: str, form: dict[str, str]) -> list[dict[str, str]]:
        """Keep the file that goes with it, if one does, where the form then says that it is."""
        if self.sent is None:
            return []
        picture = pictures.keep(self.connection, sid, self.sent)
        form["NumMedia"], form["MediaContentType0"] = "1", picture.content_type
        form["MediaUrl0"] = f"{self.account.base_url}{self._root}/Messages/{sid}/Media/{picture.sid}"
        return [{"sid": picture.sid}]

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """X-Twilio-Signature."""
        token = self.account.credentials.get(SmsForm.credentials[0], "")
        token = "another token" if wrongly else token
        return {"x-twilio-signature": signing.signature(token, url, signing.fields(body.encode()))}


def form_of(call: Call) -> dict[str, str]:
    """The fields of a form, as they can be stored."""
    form = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: value.replace("\x00", "") for name, value in form}


def number_of(text: str) -> int:
    """A page's size; the provider's own where none was asked for."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else _NEWEST


def found_here(body: Mapping[str, Any], note: str, address: str = "") -> Answer:
    """The answer to a question."""
    return Answer(200, json.dumps(body), note=note, address=address)


def problem(status: int, code: int, message: str, *, note: str) -> Answer:
    """A refusal as Twilio writes it."""
    body = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return Answer(status, json.dumps({**body, "status": status}), note=note)
