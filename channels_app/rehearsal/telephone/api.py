"""Twilio's resources of calls and recordings as its API writes them (twilio.com/docs/voice/api)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.models import RehearsalCall
from channels_app.rehearsal.telephone.forms import API_VERSION, stamp

# One frame of silence: MPEG-1 layer III, 128 kbit/s, 44.1 kHz. 1152 samples of it take 26 ms.
_MP3_FRAME = bytes.fromhex("fffb9064") + bytes(413)
_MP3_SECONDS = 1152 / 44100
MOST_MP3_SECONDS = 30


def call_json(row: RehearsalCall, account: str) -> dict[str, Any]:
    """A call."""
    path = f"/{API_VERSION}/Accounts/{account}/Calls/{row.sid}"
    is_over = row.ended_at is not None
    return {
        "sid": row.sid,
        "account_sid": account,
        "parent_call_sid": row.parent_sid or None,
        "to": row.called,
        "to_formatted": row.called,
        "from": row.caller,
        "from_formatted": row.caller,
        "phone_number_sid": "PN" + "0" * 32,
        "status": "queued" if row.status == "initiated" else row.status,
        "direction": row.direction,
        "start_time": _stamp(row.answered_at),
        "end_time": _stamp(row.ended_at),
        "duration": str(row.seconds or 0) if is_over else None,
        "price": None,
        "price_unit": "USD",
        "answered_by": None,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "date_created": _stamp(row.began_at),
        "date_updated": _stamp(row.ended_at or row.answered_at or row.began_at),
        "uri": f"{path}.json",
        "subresource_uris": {
            name: f"{path}/{part}.json"
            for name, part in (("notifications", "Notifications"), ("recordings", "Recordings"), ("streams", "Streams"))
        },
    }


def recording_json(one: Mapping[str, Any], row: RehearsalCall, account: str, root: str) -> dict[str, Any]:
    """A recording of a call."""
    path = f"/{API_VERSION}/Accounts/{account}/Recordings/{one['sid']}"
    began = dt.datetime.fromisoformat(one["began"])
    return {
        "sid": one["sid"],
        "account_sid": account,
        "call_sid": row.sid,
        "conference_sid": None,
        "status": "completed" if one["is_done"] else "processing",
        "duration": str(one["seconds"]) if one["is_done"] else "-1",
        "channels": one["channels"],
        "source": one["source"],
        "track": "both",
        "start_time": _stamp(began),
        "date_created": _stamp(began),
        "date_updated": _stamp(began),
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "encryption_details": None,
        "api_version": API_VERSION,
        "media_url": f"{root}/Recordings/{one['sid']}",
        "uri": f"{path}.json",
        "subresource_uris": {"transcriptions": f"{path}/Transcriptions.json"},
    }


def page_json(name: str, rows: Sequence[Mapping[str, Any]], uri: str) -> dict[str, Any]:
    """A list, on one page."""
    return {
        name: list(rows),
        "page": 0,
        "page_size": max(len(rows), 1),
        "start": 0,
        "end": max(len(rows) - 1, 0),
        "uri": uri,
        "first_page_uri": uri,
        "next_page_uri": None,
        "previous_page_uri": None,
    }


def notification_json(fault: Mapping[str, Any], row: RehearsalCall, account: str, number: int) -> dict[str, Any]:
    """A line of Twilio's log about a call."""
    at = dt.datetime.fromisoformat(fault["at"])
    sid = f"NO{row.sid[2:26]}{number:08d}"
    return {
        "sid": sid,
        "account_sid": account,
        "call_sid": row.sid,
        "api_version": API_VERSION,
        "log": "0",
        "error_code": str(fault["code"]),
        "more_info": f"https://www.twilio.com/docs/errors/{fault['code']}",
        "message_text": fault["words"],
        "message_date": _stamp(at),
        "request_url": "",
        "request_method": "POST",
        "date_created": _stamp(at),
        "date_updated": _stamp(at),
        "uri": f"/{API_VERSION}/Accounts/{account}/Calls/{row.sid}/Notifications/{sid}.json",
    }


def alert_json(fault: Mapping[str, Any], row: RehearsalCall, account: str, number: int) -> dict[str, Any]:
    """The same as Monitor has it."""
    at = dt.datetime.fromisoformat(fault["at"]).strftime("%Y-%m-%dT%H:%M:%SZ")
    sid = f"NO{row.sid[2:26]}{number:08d}"
    return {
        "sid": sid,
        "account_sid": account,
        "resource_sid": row.sid,
        "service_sid": None,
        "log_level": "error",
        "error_code": str(fault["code"]),
        "alert_text": fault["words"],
        "more_info": f"https://www.twilio.com/docs/errors/{fault['code']}",
        "request_url": "",
        "request_method": "POST",
        "api_version": API_VERSION,
        "date_generated": at,
        "date_created": at,
        "date_updated": at,
        "url": f"https://monitor.twilio.com/v1/Alerts/{sid}",
    }


def silence_mp3(seconds: int) -> bytes:
    """So many seconds of silence, for who wants MP3."""
    return _MP3_FRAME * math.ceil(min(max(seconds, 1), MOST_MP3_SECONDS) / _MP3_SECONDS)


def _stamp(at: dt.datetime | None) -> str | None:
    return stamp(at) if at is not None else None
