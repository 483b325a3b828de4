"""Twilio's side of an SMS connection: answers as its REST API does, keeps what it took, signs what it posts to us.

It misbehaves when told: `refuse` with a code, `lose` the reply to what it took, answer a page, or never.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from twilio.request_validator import RequestValidator

from tests.channels.far_end import FarEnd, Said, Seen

ACCOUNT = "AC" + "0123456789abcdef" * 2
SERVICE = "MG" + "0123456789abcdef" * 2
NUMBER_SID = "PN" + "0123456789abcdef" * 2
NUMBER, PERSON = "+14155552671", "+14155550123"
TOKEN = "the-auth-token-of-this-account"


@dataclass
class Taken:
    """A message that Twilio has taken."""

    sid: str
    form: dict[str, str]
    status: str = "queued"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    # Of what was sent by a content: its words.
    shown: str = ""
    # The addresses of its files.
    media: list[str] = field(default_factory=list)

    @property
    def body(self) -> str:
        return self.form.get("Body", self.shown)

    def as_json(self) -> dict[str, Any]:
        service = self.form.get("MessagingServiceSid")
        return {
            "sid": self.sid,
            "account_sid": ACCOUNT,
            "to": self.form["To"],
            "from": None if service else self.form["From"],
            "messaging_service_sid": service,
            "body": self.body,
            "status": self.status,
            "direction": "outbound-api",
            "date_created": format_datetime(self.created),
            "date_sent": None,
            "error_code": None,
            "error_message": None,
            "num_segments": "1",
            "num_media": str(len(self.media)),
        }


class TwilioEnd(FarEnd):
    """The server."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = self._answer
        self.taken: list[Taken] = []
        # For the calls to come that would make a message: what happens instead, or after it was taken.
        self.wrongs: deque[tuple[str, Said]] = deque()
        self.account = {"sid": ACCOUNT, "friendly_name": "Acme", "status": "active", "type": "Full"}
        self.number: dict[str, Any] = {
            "sid": NUMBER_SID,
            "phone_number": NUMBER,
            "capabilities": {"sms": True, "mms": True, "voice": True},
            "sms_url": "https://demo.twilio.com/welcome/sms/reply",
            "sms_method": "POST",
            "sms_fallback_url": "",
            "sms_application_sid": "",
            "voice_url": "https://demo.twilio.com/welcome/voice/",
            "voice_method": "POST",
            "voice_fallback_url": "",
            "voice_application_sid": "",
            "trunk_sid": None,
            "status_callback": "",
        }
        # Calls by their SIDs, as the API tells of them, and what each was told since.
        self.calls: dict[str, dict[str, Any]] = {}
        self.told: list[tuple[str, dict[str, str]]] = []
        # What is answered instead to the next that ask for a call, or make one.
        self.call_wrongs: deque[Said] = deque()
        # What its monitor noted.
        self.alerts: list[dict[str, Any]] = []
        self.service: dict[str, Any] = {
            "sid": SERVICE,
            "friendly_name": "Alerts",
            "inbound_request_url": None,
            "inbound_method": "POST",
            "use_inbound_webhook_on_number": False,
            "status_callback": None,
            "fallback_url": None,
        }
        self.senders = [{"sid": NUMBER_SID, "phone_number": NUMBER}]
        self.channel_senders: list[dict[str, Any]] = [{"sid": "XE" + "0" * 32, "sender": f"whatsapp:{NUMBER}"}]
        # The Content API: contents by their SIDs, each with what WhatsApp says of it.
        self.contents: dict[str, dict[str, Any]] = {}
        # Files of messages, by where the API keeps them; asking there leads on to where they are.
        self.files: dict[str, Said] = {}
        # What is answered instead, in turn, to the next that ask for a file.
        self.file_wrongs: deque[Said] = deque()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- Misbehaving ------------------------------------------------------------------------------------------------

    def refuse(self, code: int, status: int = 400, times: int = 1, **headers: str) -> None:
        """Refuse the next messages with a code."""
        self.wrongs.extend([("instead", problem(code, status, headers))] * times)

    def lose(self, times: int = 1) -> None:
        """Take the next messages, and cut the line before the answer."""
        self.wrongs.extend([("after", Said(cut=True))] * times)

    def say(self, said: Said, *, taken: bool = False) -> None:
        """Answer the next message with this, whether or not it was taken."""
        self.wrongs.append(("after" if taken else "instead", said))

    def add_content(
        self, body: str, *, status: str = "approved", name: str = "a_template", category: str = "UTILITY", **more: Any
    ) -> str:
        """A content that is there already; its SID."""
        content = {"friendly_name": name, "language": "en", "types": {"twilio/text": {"body": body}}, "variables": {}}
        return self._content(content | more, {"name": name, "category": category, "status": status})

    def _content(self, content: dict[str, Any], approval: dict[str, Any] | None = None) -> str:
        sid = f"HX{len(self.contents):032x}"
        approval = approval or {"name": "", "category": "", "status": "unsubmitted"}
        more = {"content_type": "whatsapp", "rejection_reason": "", "allow_category_change": True}
        self.contents[sid] = {
            "sid": sid,
            "account_sid": ACCOUNT,
            "date_created": "2026-11-22T10:00:00Z",
            "date_updated": "2026-11-22T10:00:00Z",
            **content,
            "approval_requests": approval | more,
        }
        return sid

    # --- Answering --------------------------------------------------------------------------------------------------

    def keep(self, content: bytes, content_type: str, **headers: str) -> str:
        """Keep a file as one that came with a message; its address at the API."""
        number = len(self.files) + 1
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM{number:032x}/Media/ME{number:032x}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[path] = Said(200, {"Content-Type": content_type, **named}, content)
        return f"{self.base_url}{path}"

    def asked_for_files(self) -> list[Seen]:
        """The requests for files and for where they are."""
        return [seen for seen in self.seen if "/Media/" in seen.path or seen.path.startswith("/cdn/")]

    def _file(self, path: str) -> Said:
        if self.file_wrongs:
            return self.file_wrongs.popleft()
        if path not in self.files:
            return problem(20404, 404)
        return Said(307, {"Location": f"{self.base_url}/cdn{path}?signature=abc"}, b"")

    def _answer(self, seen: Seen) -> Said:
        if seen.path.startswith("/cdn/"):
            assert "authorization" not in seen.headers, "credentials went on with a redirect"
            return self.files[seen.path.removeprefix("/cdn").partition("?")[0]]
        if seen.headers.get("authorization") != "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode():
            return problem(20003, 401)
        parts = urlsplit(seen.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/v1/Alerts":
            meta = {"key": "alerts", "next_page_url": None}
            return answer({"alerts": self.alerts, "meta": meta})
        if parts.path.startswith("/v1/Content"):
            return self._answer_content(seen, parts.path.removeprefix("/v1"), query)
        form = dict(parse_qsl(seen.body.decode(), keep_blank_values=True))
        if seen.method == "GET" and "/Media/" in parts.path:
            return self._file(parts.path)
        root = f"/2010-04-01/Accounts/{ACCOUNT}"
        match seen.method, parts.path.removeprefix(root):
            case "POST", "/Messages.json":
                media = [value for name, value in parse_qsl(seen.body.decode()) if name == "MediaUrl"]
                return self._create(form, media)
            case "GET", "/Messages.json":
                return self._list(parts.path, query)
            case "GET", ".json":
                return answer(self.account)
            case "GET", "/IncomingPhoneNumbers.json":
                mine = [self.number] if query.get("PhoneNumber") == self.number["phone_number"] else []
                return answer({"incoming_phone_numbers": mine, "next_page_uri": None, "page": 0, "page_size": 1})
            case "POST", path if path == f"/IncomingPhoneNumbers/{NUMBER_SID}.json":
                self.number |= {_snake(name): value for name, value in form.items()}
                return answer(self.number)
            case method, path if path.startswith("/Calls"):
                return self._answer_call(method, path, form)
            case "GET", path if path == f"/v1/Services/{SERVICE}":
                return answer(self.service)
            case "POST", path if path == f"/v1/Services/{SERVICE}":
                self.service["inbound_request_url"] = form["InboundRequestUrl"]
                self.service["use_inbound_webhook_on_number"] = form["UseInboundWebhookOnNumber"] == "true"
                self.service["status_callback"] = form.get("StatusCallback", self.service["status_callback"])
                self.service["fallback_url"] = form.get("FallbackUrl", self.service["fallback_url"])
                return answer(self.service)
            case "GET", path if path == f"/v1/Services/{SERVICE}/ChannelSenders":
                return answer({"senders": self.channel_senders, "meta": {"key": "senders", "next_page_url": None}})
            case "GET", path if path == f"/v1/Services/{SERVICE}/PhoneNumbers":
                return answer({"phone_numbers": self.senders, "meta": {"key": "phone_numbers", "next_page_url": None}})
        return problem(20404, 404)

    def _answer_call(self, method: str, path: str, form: dict[str, str]) -> Said:
        if self.call_wrongs:
            return self.call_wrongs.popleft()
        if (method, path) == ("POST", "/Calls.json"):
            sid = f"CA{len(self.calls) + 0xA000:032x}"
            self.calls[sid] = {"sid": sid, "status": "queued", "duration": None, "to": form["To"], "from": form["From"]}
            self.told.append((sid, form))
            return answer(self.calls[sid], 201)
        sid = path.removeprefix("/Calls/").removesuffix(".json")
        if sid not in self.calls:
            return problem(20404, 404)
        if method == "POST":
            self.told.append((sid, form))
            if form.get("Status") == "completed" or "<Hangup" in form.get("Twiml", ""):
                self.calls[sid] |= {"status": "completed"}
        return answer(self.calls[sid])

    def has_call(self, sid: str, status: str = "in-progress", seconds: int | None = None) -> None:
        """A call that Twilio knows, as it stands."""
        duration = None if seconds is None else str(seconds)
        self.calls[sid] = {"sid": sid, "status": status, "duration": duration}

    def _answer_content(self, seen: Seen, path: str, query: dict[str, str]) -> Said:
        match seen.method, path.split("/")[1:]:
            case "POST", ["Content"]:
                assert seen.headers["content-type"] == "application/json"
                return answer(self.contents[self._content(json.loads(seen.body))], 201)
            case "POST", ["Content", sid, "ApprovalRequests", "whatsapp"] if sid in self.contents:
                asked = json.loads(seen.body)
                self.contents[sid]["approval_requests"] |= asked | {"status": "received"}
                return answer(self.contents[sid]["approval_requests"], 201)
            case "DELETE", ["Content", sid] if sid in self.contents:
                del self.contents[sid]
                return Said(204, {}, b"")
            case "GET", ["ContentAndApprovals"]:
                size, page = int(query["PageSize"]), int(query.get("Page", "0"))
                rows = list(self.contents.values())
                more = {"PageSize": str(size), "Page": str(page + 1)} if len(rows) > (page + 1) * size else None
                following = f"https://content.twilio.com/v1{path}?{urlencode(more)}" if more else None
                meta = {"key": "contents", "next_page_url": following, "page": page, "page_size": size}
                return answer({"contents": rows[page * size : (page + 1) * size], "meta": meta})
        return problem(20404, 404)

    def _create(self, form: dict[str, str], media: list[str]) -> Said:
        when, wrong = self.wrongs.popleft() if self.wrongs else ("", None)
        if wrong is not None and when == "instead":
            return wrong
        sid = form.get("ContentSid")
        if sid is not None and (sid not in self.contents or "Body" in form):
            return problem(21655, 400)
        shown = str(next(iter(self.contents[sid]["types"].values()))["body"]) if sid else ""
        for name, value in json.loads(form.get("ContentVariables", "{}")).items():
            shown = shown.replace("{{" + name + "}}", value)
        message = Taken(f"SM{len(self.taken):032x}", form, shown=shown, media=media)
        self.taken.append(message)
        return wrong if wrong is not None else answer(message.as_json(), 201)

    def _list(self, path: str, query: dict[str, str]) -> Said:
        rows = [
            taken
            for taken in reversed(self.taken)
            if taken.form["To"] == query["To"] and query.get("From") in {None, taken.form.get("From")}
        ]
        page, size = int(query.get("Page", "0")), int(query["PageSize"])
        shown = rows[page * size : (page + 1) * size]
        more = {**query, "Page": str(page + 1)} if len(rows) > (page + 1) * size else None
        following = f"{path}?{urlencode(more)}" if more else None
        return answer({"messages": [one.as_json() for one in shown], "next_page_uri": following, "page": page})


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def answer(body: dict[str, Any], status: int = 200) -> Said:
    return Said(status, {"Content-Type": "application/json"}, json.dumps(body).encode())


def problem(code: int, status: int, headers: dict[str, str] | None = None) -> Said:
    """An error as Twilio writes it."""
    body = {"code": code, "message": "It went wrong", "more_info": "https://www.twilio.com/docs", "status": status}
    said = answer(body, status)
    return Said(
        status,
        {**said.headers, **{name.replace("_", "-"): value for name, value in (headers or {}).items()}},
        said.body,
    )


# --- What Twilio posts ----------------------------------------------------------------------------------------------


def signed(url: str, form: dict[str, str], token: str = TOKEN) -> tuple[bytes, dict[str, str]]:
    """A form and its headers, signed by Twilio's own library."""
    signature = RequestValidator(token).compute_signature(url, form)
    return urlencode(form).encode(), {"x-twilio-signature": signature}


def inbound(text: str, sid: str, sender: str = PERSON, **more: str) -> dict[str, str]:
    """The form of a message that somebody sent."""
    return {
        "MessageSid": sid,
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "AccountSid": ACCOUNT,
        "From": sender,
        "To": NUMBER,
        "Body": text,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "FromCountry": "US",
    } | more


def report(taken: Taken, status: str, code: int | None = None) -> dict[str, str]:
    """The form of a report."""
    form = {
        "MessageSid": taken.sid,
        "SmsSid": taken.sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": ACCOUNT,
        "From": taken.form.get("From", NUMBER),
        "To": taken.form["To"],
        "ApiVersion": "2010-04-01",
    }
    return form | ({"ErrorCode": str(code)} if code else {})


@contextmanager
def running() -> Iterator[TwilioEnd]:
    """A Twilio that answers until the block ends."""
    end = TwilioEnd()
    thread = threading.Thread(target=end.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield end
    finally:
        end.server.shutdown()
        end.server.server_close()
        thread.join(5)
