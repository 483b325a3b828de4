"""A telephone's exchange: Twilio's API of calls, numbers and recordings (twilio.com/docs/voice/api).

What is said on the line goes by the telephone itself (`telephone`); here is what Convoship asks and wants of Twilio.
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode

from django.core.exceptions import ValidationError

from channels_app.models import Connection, Rehearsal, RehearsalCall
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import same
from channels_app.providers.numbers import e164
from channels_app.providers.twilio import signing
from channels_app.providers.twilio.voice import TwilioVoice
from channels_app.providers.twilio.voice_forms import VoiceForm
from channels_app.providers.twilio.voice_setup import fallback_url
from channels_app.rehearsal import sound_screen
from channels_app.rehearsal.base import (
    BROKEN,
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
    turned_away,
)
from channels_app.rehearsal.telephone import api, calls, forms, recording
from channels_app.rehearsal.telephone.forms import FINAL, PERSON
from channels_app.rehearsal.twilio_sms import CREDENTIALS, NO_NUMBER, NUMBER, PAGE, found_here, problem

NO_PERMISSION = Fault("no_permission", "That country may not be called", "400 with Twilio's code 21215.")
CODES: Mapping[str, tuple[int, int, str]] = {
    NO_NUMBER.word: (400, 21211, "Invalid 'To' Phone Number"),
    NO_PERMISSION.word: (400, 21215, "Account not authorized to call that number"),
    CREDENTIALS.word: (401, 20003, "Authenticate"),
    LIMITED.word: (429, 20429, "Too Many Requests"),
}
RINGS_SECONDS, LONGEST_RING = 60, 100
_NEWEST = 50
_CALL = re.compile(r"/Calls/(CA[0-9a-f]{32})(?:/([A-Za-z]+)(?:/([A-Z]{2}[0-9a-f]{32}|Twilio\.CURRENT))?)?\.json")
_RECORDING = re.compile(r"/Recordings/(RE[0-9a-f]{32})(\.json|\.wav|\.mp3|)")
_SET = {
    "VoiceUrl": "voice_url",
    "VoiceFallbackUrl": "voice_fallback_url",
    "StatusCallback": "status_callback",
}


class Telephone(StandIn):
    """Twilio's REST API of calls as far as we use it; the telephone behind it is on the screen."""

    kind = TwilioVoice.kind
    title = "A telephone"
    screen = "channels_app/rehearsal/telephone.html"
    page = "channels_app/rehearsal/telephone_page.html"
    style = "app/css/telephone.css"
    has_telephone = True
    content_type = f"{signing.FORM}; charset=UTF-8"
    faults: ClassVar[Sequence[Fault]] = (*FAULTS, PAGE, NO_NUMBER, NO_PERMISSION, CREDENTIALS)

    @classmethod
    def set_up(cls, config: Mapping[str, Any]) -> type[StandIn]:
        """With Twilio's own ears and voice, or by sound."""
        return SoundTelephone if config.get("mode") == "stream" else Telephone

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """An account and a number, or those of the connection that it is like."""
        own = {"account_sid": f"AC{secrets.token_hex(16)}", "from_number": NUMBER}
        return {**own, **{name: value for name, value in like.items() if name != "api_base_url"}}

    @classmethod
    def credentials(cls) -> dict[str, str]:
        """An auth token."""
        return {VoiceForm.credentials[0]: secrets.token_hex(16)}

    @classmethod
    def shown(cls, connection: Connection, rehearsal: Rehearsal, address: str) -> Mapping[str, Any]:
        """The number that is called, and who calls it unless somebody else does."""
        return {"number": connection.config.get("from_number") or NUMBER, "person": PERSON}

    # --- What we ask of Twilio ----------------------------------------------------------------------------------------

    @property
    def _sid(self) -> str:
        return str(self.account.config["account_sid"])

    @property
    def _root(self) -> str:
        return f"/2010-04-01/Accounts/{self._sid}"

    @property
    def _number(self) -> str:
        return str(self.account.config.get("from_number") or NUMBER)

    def refuse(self, call: Call) -> Answer | None:
        """Basic auth with the account's SID and its auth token."""
        token = self.account.credentials.get("auth_token", "")
        wanted = b64encode(f"{self._sid}:{token}".encode()).decode()
        if token and same(call.headers.get("authorization", ""), f"Basic {wanted}"):
            return None
        refused = problem(*CODES[CREDENTIALS.word], note="Refused: another account or auth token.")
        return replace(refused, kind=LineKind.REFUSED)

    def is_sent(self, call: Call) -> bool:
        """What makes a call, or changes one."""
        path = call.path.removeprefix(self._root)
        found = _CALL.fullmatch(path)
        return call.method == "POST" and (path == "/Calls.json" or (found is not None and found[2] is None))

    def take(self, call: Call) -> Answer:
        """Make a call, or change one that goes on."""
        found = _CALL.fullmatch(call.path.removeprefix(self._root))
        return self._change(call, found[1]) if found else self._make(call)

    def fail(self, call: Call, fault: str) -> Answer:
        """A fault: nothing was done."""
        seen = Answer(address=_form(call).get("To", "")[:255], text="A call")
        if fault == PAGE.word:
            page = "<!doctype html><title>Welcome</title><h1>It works!</h1>"
            return replace(turned_away(seen, 200, "Not taken: a page.", page), content_type="text/html")
        if fault == BROKEN.word:
            return turned_away(seen, 500, "Not taken: it broke.")
        refused = problem(*CODES[fault], note="")
        answer = turned_away(seen, refused.status, f"Not taken: {CODES[fault][2]}.", refused.body)
        is_later = refused.status == 429
        return replace(answer, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}) if is_later else answer

    def _make(self, call: Call) -> Answer:
        form = _form(call)
        try:
            to = e164(form.get("To", ""))
        except ValidationError:
            return problem(*CODES[NO_NUMBER.word], note="Refused: that is no number.")
        if not (form.get("Url") or form.get("Twiml")):
            return problem(400, 21205, "Url parameter is required", note="Refused: neither Url nor Twiml.")
        seconds = min(_whole(form.get("Timeout", ""), RINGS_SECONDS), LONGEST_RING)
        callback = form.get("StatusCallback", "")
        row = calls.begin(
            self.connection,
            direction="outbound-api",
            caller=form.get("From", "") or self._number,
            called=to,
            status="queued",
            account=self._sid,
            status_url=callback,
            status_events=form.get("StatusCallbackEvent", "") or "completed",
            first={
                "url": form.get("Url", ""),
                "method": form.get("Method", "POST").upper(),
                "twiml": form.get("Twiml", ""),
                "fallback": form.get("FallbackUrl", ""),
            },
            rings_for=seconds,
        )
        status = forms.status_of(2, row.began_at, 0)
        unanswered = {**calls.facts(row).at("no-answer").form(), **status}
        return Answer(
            201,
            json.dumps(api.call_json(row, self._sid)),
            kind=LineKind.CAUGHT,
            address=to,
            text="Calls them. It rings on the telephone.",
            provider_id=row.sid,
            reports=[Report("no-answer", urlencode(unanswered), after=seconds)] if callback else (),
            reports_to=callback,
        )

    def _change(self, call: Call, call_sid: str) -> Answer:
        form = _form(call)
        row = calls.look(self.connection.id, call_sid)
        if row is None:
            return _not_found()
        row = RehearsalCall.objects.select_for_update().get(id=row.id)
        if row.status in FINAL:
            words = "Call is not in-progress. Cannot redirect."
            return problem(400, 21220, words, note="Refused: the call is over already.")
        status, reports = form.get("Status", ""), []
        if status in {"completed", "canceled"}:
            if row.holder is None:
                # It rings still, and nobody plays it.
                row.status, row.ended_at, row.seconds, row.rings_until = "canceled", forms.now(), 0, None
                row.save(update_fields=["status", "ended_at", "seconds", "rings_until"])
                calls.forget_ringing(self.connection.id, call_sid)
                told = {**calls.facts(row).form(), **forms.status_of(row.told, row.ended_at, 0)}
                reports = [Report("canceled", urlencode(told))] if row.status_url else []
            else:
                calls.order(row, does="end", status=status)
            note = "Ends the call."
        elif form.get("Twiml") or form.get("Url"):
            calls.order(
                row,
                does="move",
                url=form.get("Url", ""),
                method=form.get("Method", "POST").upper(),
                twiml=form.get("Twiml", ""),
            )
            note = "Sends the call elsewhere."
        else:
            note = "Changes nothing."
        found = Answer(200, json.dumps(api.call_json(row, self._sid)), address=row.called, provider_id=row.sid)
        return replace(found, note=note, reports=reports, reports_to=row.status_url)

    def look(self, call: Call) -> Answer:
        """What *Test* and *Set the addresses at Twilio* ask, how calls stand, and what was recorded."""
        path = call.path.removeprefix(self._root)
        if call.path == "/v1/Alerts" and call.method == "GET":
            return self._alerts()
        if (found := _CALL.fullmatch(path)) is not None:
            return self._call(call, found[1], found[2] or "", found[3] or "")
        if (found := _RECORDING.fullmatch(path)) is not None:
            return self._recording(call, found[1], found[2])
        match call.method, path:
            case "GET", ".json":
                body = {"sid": self._sid, "friendly_name": "Rehearsal", "status": "active", "type": "Full"}
                return found_here(body, "Looked at the account.")
            case "GET", "/IncomingPhoneNumbers.json":
                rows = [self._number_json()]
                return found_here(api.page_json("incoming_phone_numbers", rows, path), "Looked at the number.")
            case "POST", path if path.startswith("/IncomingPhoneNumbers/"):
                return self._set_up(call)
            case "GET", "/Calls.json":
                rows = [api.call_json(row, self._sid) for row in self._asked_for(call)]
                return found_here(api.page_json("calls", rows, path), "Looked at the calls.")
            case "GET", "/Recordings.json":
                rows = self._recordings(call.query.get("CallSid", ""))
                return found_here(api.page_json("recordings", rows, path), "Looked at what was recorded.")
        return _not_found()

    def _asked_for(self, call: Call) -> list[RehearsalCall]:
        wanted = {"To": "called", "From": "caller", "Status": "status", "ParentCallSid": "parent_sid"}
        asked = {field: call.query[name] for name, field in wanted.items() if call.query.get(name)}
        rows = calls.newest(self.connection.id, calls.MOST_CALLS)
        return [row for row in rows if all(getattr(row, field) == value for field, value in asked.items())][:_NEWEST]

    def _call(self, call: Call, call_sid: str, part: str, sub: str) -> Answer:
        row = calls.look(self.connection.id, call_sid)
        if row is None:
            return _not_found()
        match call.method, part:
            case "GET", "":
                return found_here(
                    api.call_json(row, self._sid), f"Asked how the call stands: {row.status}.", row.called
                )
            case "GET", "Notifications":
                rows = [api.notification_json(one, row, self._sid, at) for at, one in enumerate(row.faults)]
                return found_here(
                    api.page_json("notifications", rows, call.path), "Looked at Twilio's log of the call."
                )
            case "GET", "Recordings" if not sub:
                rows = self._recordings(call_sid)
                return found_here(
                    api.page_json("recordings", rows, call.path), "Looked at what was recorded of the call."
                )
            case "POST", "Recordings" if not sub:
                return self._record(call, row)
            case "POST", "Recordings":
                return self._stop_recording(row, sub)
        return _not_found()

    def _record(self, call: Call, row: RehearsalCall) -> Answer:
        if row.status != "in-progress":
            return problem(
                400, 21220, "Requested resource is not eligible for recording", note="Refused: no call goes on."
            )
        form = _form(call)
        one = {
            "sid": forms.sid("RE"),
            "began": forms.now().isoformat(),
            "seconds": None,
            "words": "",
            "source": "StartCallRecordingAPI",
            "channels": 2 if form.get("RecordingChannels") == "dual" else 1,
            "url": form.get("RecordingStatusCallback", ""),
            "is_done": False,
            "told": False,
        }
        calls.add_recording(self.connection.id, row.sid, one)
        found = api.recording_json(one, row, self._sid, self.account.base_url + self._root)
        return replace(found_here(found, "Records the call from now on.", row.called), status=201)

    def _stop_recording(self, row: RehearsalCall, sid: str) -> Answer:
        wanted = [one for one in row.recordings if sid in {one["sid"], "Twilio.CURRENT"} and not one["is_done"]]
        if not wanted:
            return _not_found()
        one = {**wanted[-1], "is_done": True}
        one["seconds"] = max(1, round((forms.now() - forms.moment(one["began"])).total_seconds()))
        row.recordings = [one if other["sid"] == one["sid"] else other for other in row.recordings]
        row.save(update_fields=["recordings"])
        found = api.recording_json(one, row, self._sid, self.account.base_url + self._root)
        return found_here(found, "Records the call no more.", row.called)

    def _recordings(self, call_sid: str) -> list[dict[str, Any]]:
        rows = [row for row in calls.newest(self.connection.id, calls.MOST_CALLS) if call_sid in {"", row.sid}]
        root = self.account.base_url + self._root
        return [api.recording_json(one, row, self._sid, root) for row in rows for one in row.recordings][:_NEWEST]

    def _recording(self, call: Call, sid: str, form: str) -> Answer:
        rows = calls.newest(self.connection.id, calls.MOST_CALLS)
        row, one = next(((row, one) for row in rows for one in row.recordings if one["sid"] == sid), (None, None))
        if row is None or one is None:
            return _not_found()
        if call.method == "DELETE":
            row.recordings = [other for other in row.recordings if other["sid"] != sid]
            row.save(update_fields=["recordings"])
            return Answer(204, note="Deletes what was recorded.", address=row.called)
        if call.method != "GET":
            return _not_found()
        if form == ".json":
            found = api.recording_json(one, row, self._sid, self.account.base_url + self._root)
            return found_here(found, "Looked at what was recorded.", row.called)
        if not one["is_done"]:
            return _not_found()
        seconds = int(one["seconds"] or 1)
        is_mp3 = form == ".mp3"
        content = api.silence_mp3(seconds) if is_mp3 else recording.tone(seconds)
        kind = "audio/mpeg" if is_mp3 else "audio/x-wav"
        return Answer(200, content=content, content_type=kind, note="Fetches what was recorded.", address=row.called)

    def _alerts(self) -> Answer:
        rows = calls.newest(self.connection.id, calls.MOST_CALLS)
        found = [api.alert_json(one, row, self._sid, at) for row in rows for at, one in enumerate(row.faults)]
        url = "https://monitor.twilio.com/v1/Alerts"
        meta = {"key": "alerts", "page": 0, "page_size": _NEWEST, "url": url, "first_page_url": url}
        body = {"alerts": found[:_NEWEST], "meta": {**meta, "next_page_url": None, "previous_page_url": None}}
        return found_here(body, "Looked at Twilio's log.")

    def _set_up(self, call: Call) -> Answer:
        form = _form(call)
        told = {ours: form[theirs][:1000] for theirs, ours in _SET.items() if theirs in form}
        before = dict(self.rehearsal.contents.get("number") or {})
        self.rehearsal.contents = {**self.rehearsal.contents, "number": {**before, **told}}
        self.rehearsal.save(update_fields=["contents"])
        return found_here(self._number_json(), "Set where calls are delivered.")

    def _number_json(self) -> dict[str, Any]:
        kept = dict(self.rehearsal.contents.get("number") or {})
        return {
            "sid": "PN" + "0" * 32,
            "account_sid": self._sid,
            "phone_number": self._number,
            "friendly_name": "Rehearsal",
            "capabilities": {"sms": True, "mms": True, "voice": True, "fax": False},
            "voice_url": kept.get("voice_url", self.account.inbound_url),
            "voice_method": "POST",
            "voice_fallback_url": kept.get("voice_fallback_url", fallback_url(self.account)),
            "voice_fallback_method": "POST",
            "voice_application_sid": "",
            "trunk_sid": None,
            "status_callback": kept.get("status_callback", self.account.status_url),
            "status_callback_method": "POST",
            "sms_url": "",
            "sms_method": "POST",
            "sms_application_sid": "",
        }

    # --- What is said on the line -------------------------------------------------------------------------------------

    def say(self, typed: Mapping[str, str]) -> Saying:
        """Never: calls are held by the telephone."""
        raise Unsayable({"text": ["Call from the telephone on the rehearsal's page: it needs JavaScript."]})

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """X-Twilio-Signature."""
        token = "another token" if wrongly else self.account.credentials.get("auth_token", "")
        return {"x-twilio-signature": signing.signature(token, url, signing.fields(body.encode()))}


class SoundTelephone(Telephone):
    """The same where sound itself is brought to us (Media Streams): with the browser's microphone and loudspeaker."""

    beside = "channels_app/rehearsal/sound_beside.html"
    has_sound = True

    @classmethod
    def shown(cls, connection: Connection, rehearsal: Rehearsal, address: str) -> Mapping[str, Any]:
        """And what was said in the latest call, which the telephone can't know."""
        return {**super().shown(connection, rehearsal, address), **sound_screen.shown(connection)}


def _form(call: Call) -> dict[str, str]:
    """The fields of a form; of a name that comes again its values, with a space between."""
    found = parse_qs(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: " ".join(values).replace("\x00", "") for name, values in found.items()}


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else otherwise


def _not_found() -> Answer:
    return problem(404, 20404, "The requested resource was not found", note="Not known here.")
