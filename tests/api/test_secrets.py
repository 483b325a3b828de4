"""Secrets by the API: written, named, replaced, deleted, and never shown."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.providers import registry
from channels_app.providers.custom_webhook import CustomWebhook, CustomWebhookForm
from convoship.lib.tenancy import tenant
from tests import factories
from tests.api.conftest import Program
from workspaces import secret_store
from workspaces.models import AuditEvent, Secret

VALUE = "sk-live-0123456789-abcdefgh-WXYZ"


def test_a_secret_is_written_and_only_its_last_four_characters_come_back(api: Program) -> None:
    made = api.call("PUT", "/secrets/twilio_token", {"value": f"  {VALUE}\n"})
    assert made.status_code == 201
    assert made.data["key"] == "twilio_token"
    assert made.data["last_four"] == "WXYZ"
    assert made.data["used_by"] == []
    replaced = api.call("PUT", "/secrets/twilio_token", {"value": VALUE})
    assert replaced.status_code == 200
    answers = [made, replaced, api.get("/secrets"), api.get("/secrets/twilio_token")]
    assert all(VALUE not in answer.content.decode() for answer in answers)
    with tenant(api.workspace.id):
        assert secret_store.value_of("twilio_token") == VALUE
        assert VALUE.encode() not in bytes(Secret.objects.get().sealed)
        assert not [event for event in AuditEvent.objects.all() if VALUE in str(event.data)]


def test_of_a_short_secret_nothing_is_shown(api: Program) -> None:
    assert api.call("PUT", "/secrets/pin", {"value": "1234"}).data["last_four"] == ""


@pytest.mark.parametrize(
    ("key", "body", "field"),
    [
        ("Upper", {"value": "x"}, "key"),
        ("-first", {"value": "x"}, "key"),
        ("a" * 65, {"value": "x"}, "key"),
        ("good", {"value": ""}, "value"),
        ("good", {"value": "   "}, "value"),
        ("good", {"value": "x" * 8001}, "value"),
        ("good", {}, "value"),
        ("good", {"value": 7}, "value"),
        ("good", {"value": "x", "more": 1}, "more"),
    ],
)
def test_what_can_not_be_a_secret_is_refused_with_words(api: Program, key: str, body: Any, field: str) -> None:
    answer = api.call("PUT", f"/secrets/{key}", body)
    assert answer.status_code == 422
    assert field in answer.data["errors"]
    assert api.get("/secrets").data["results"] == []


class _WithToken(CustomWebhookForm):
    credentials = ("auth_token",)
    auth_token = CustomWebhookForm.base_fields["url"].__class__(required=True)


def test_what_uses_a_secret_is_named_and_says_so_when_it_is_gone(api: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CustomWebhook, "config_form", _WithToken)
    assert registry.PROVIDERS["custom_webhook"] is CustomWebhook
    api.call("PUT", "/secrets/token", {"value": VALUE})
    assistant = factories.make_assistant(api.workspace)
    body = {
        "kind": "custom_webhook",
        "name": "Bridge",
        "assistant_id": str(assistant.id),
        "config": {"url": "https://bridge.example/", "events": ["message.created"]},
        "credentials": {"auth_token": "token"},
    }
    missing = api.post("/connections", body | {"credentials": {"auth_token": "other"}})
    assert "credentials.auth_token" in missing.data["errors"]
    made = api.made("/connections", body)["connection"]
    uses = api.get("/secrets/token").data["used_by"]
    assert [(use["name"], use["path"]) for use in uses] == [("Bridge", f"/app/channels/{made['id']}/")]
    assert api.call("DELETE", "/secrets/token").status_code == 204
    tested = api.post(f"/connections/{made['id']}/test").data
    assert tested["is_good"] is False
    assert "token is missing" in tested["findings"][0]["words"]
    assert "Secrets" in tested["findings"][0]["remedy"]


def test_a_secret_copied_into_another_workspace_or_under_another_key_does_not_open(
    api: Program, stranger: Program
) -> None:
    api.call("PUT", "/secrets/token", {"value": VALUE})
    stranger.call("PUT", "/secrets/token", {"value": "another value of theirs"})
    api.call("PUT", "/secrets/second", {"value": "a second value of ours"})
    with tenant(api.workspace.id):
        sealed = Secret.objects.get(key="token").sealed
        Secret.objects.filter(key="second").update(sealed=sealed)
        with pytest.raises(secret_store.SecretMissing, match="decrypted"):
            secret_store.value_of("second")
    with tenant(stranger.workspace.id):
        Secret.objects.filter(key="token").update(sealed=sealed)
        with pytest.raises(secret_store.SecretMissing):
            secret_store.value_of("token")


def test_a_connection_says_at_once_that_its_secret_was_deleted_and_is_good_when_it_is_back(api: Program) -> None:
    assistant = factories.make_assistant(api.workspace)
    api.call("PUT", "/secrets/twilio_token", {"value": "f" * 32})
    config = {"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"}
    wanted = {"kind": "twilio_sms", "name": "Phone", "assistant_id": str(assistant.id), "config": config}
    made = api.post("/connections", {**wanted, "credentials": {"auth_token": "twilio_token"}})
    path = f"/connections/{made.data['connection']['id']}"
    assert api.call("DELETE", "/secrets/twilio_token").status_code == 204
    health = api.get(path).data["health"]
    assert (health["is_good"], health["words"]) == (
        False,
        "The secret twilio_token is missing, so nothing can be checked or sent.",
    )
    api.call("PUT", "/secrets/twilio_token", {"value": "e" * 32})
    assert api.get(path).data["health"]["words"] == "Nothing has gone over it yet."
