"""What the rehearsed exchange answers has the shape that Twilio's published description says."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.utils import timezone

from channels_app.models import RehearsalCall
from channels_app.rehearsal.telephone import api, calls
from convoship.lib.tenancy import tenant
from tests.channels.rehearsals import rehearse

pytestmark = pytest.mark.django_db(transaction=True)

CONTRACT = json.loads((Path(__file__).parent / "contracts" / "twilio_api_v2010.trimmed.json").read_text())
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
ACCOUNT = "AC" + "0" * 32


def plain(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema has it: references followed, `nullable` as a type."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return plain(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    found = {name: plain(value) for name, value in schema.items() if name not in {"nullable", "format"}}
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") else found


def fits(found: dict[str, Any], name: str) -> None:
    schema = SCHEMAS[name]
    assert set(found) - set(schema["properties"]) == set()
    jsonschema.validate(found, plain(schema))


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer"])
def test_a_call_is_written_as_twilio_writes_it(status: str) -> None:
    it = rehearse("twilio_voice")
    with tenant(it.workspace.id):
        row = calls.begin(
            it.connection,
            direction="outbound-api",
            caller="+14155552671",
            called="+14155550123",
            status=status,
            account=ACCOUNT,
        )
        if status == "completed":
            row.answered_at = row.ended_at = timezone.now()
            row.seconds = 12
        found = api.call_json(row, ACCOUNT)
    fits({name: value for name, value in found.items() if name not in {"to_formatted", "from_formatted"}}, _CALL)
    assert set(SCHEMAS[_CALL]["properties"]) - set(found) == set()


_CALL = "api.v2010.account.call"


def test_a_recording_is_written_as_twilio_writes_it() -> None:
    one = {
        "sid": "RE" + "1" * 32,
        "began": dt.datetime(2026, 11, 28, tzinfo=dt.UTC).isoformat(),
        "seconds": 3,
        "source": "StartCallRecordingAPI",
        "channels": 2,
        "is_done": True,
    }
    row = RehearsalCall(sid="CA" + "2" * 32)
    found = api.recording_json(one, row, ACCOUNT, "https://convoship.example")
    del found["media_url"], found["subresource_uris"]
    fits(found, "api.v2010.account.call.call_recording")
