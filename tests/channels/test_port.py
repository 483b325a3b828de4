"""What holds for every kind of connection, and that adding one is additions only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from channels_app import accounts, connections
from channels_app.models import Connection, InboundEvent, RefusedRequest
from channels_app.providers import registry
from channels_app.providers.base import Capability, Provider
from channels_app.rehearsal.registry import STAND_INS
from convoship.lib.tenancy import tenant
from tests import factories
from workspaces import secret_store

# CONTRACT section 1.
LABELS = {
    "twilio_whatsapp": "WhatsApp (Twilio)",
    "twilio_sms": "SMS (Twilio)",
    "twilio_voice": "Voice (Twilio)",
    "voice_gateway": "Voice gateway",
    "zendesk": "Zendesk",
    "genesys": "Genesys",
    "servicenow": "ServiceNow",
    "custom_webhook": "Custom webhook",
}
# A good setting-up of each kind: config, and values of its credentials.
SET_UP: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "twilio_whatsapp": ({"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"}, {"auth_token": "f" * 32}),
    "twilio_sms": ({"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"}, {"auth_token": "f" * 32}),
    "twilio_voice": ({"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"}, {"auth_token": "f" * 32}),
    "voice_gateway": ({"mode": "turns", "gateway_url": "https://gateway.example/say"}, {}),
    "zendesk": (
        {"subdomain": "lamps", "mode": "tickets"},
        {"client_id": "convoship", "client_secret": "c" * 32, "webhook_secret": "w" * 32},
    ),
    "genesys": (
        {"region": "eu-central-1", "integration_id": "3f0e7c2a-8f1b-4b7e-9d51-0f6a4c1c2b11"},
        {"client_id": "convoship", "client_secret": "c" * 32, "webhook_secret": "w" * 32},
    ),
    "servicenow": (
        {"instance": "lamps", "mode": "incident"},
        {"username": "convoship", "password": "p" * 32, "webhook_secret": "w" * 32},
    ),
    "custom_webhook": ({"url": "https://bridge.example/hook", "events": ["message.created"]}, {}),
}
KINDS = sorted(registry.PROVIDERS)
every_kind = pytest.mark.parametrize("kind", KINDS)


def _product_files() -> Iterator[Path]:
    for app in ("channels_app", "convoship", "deployments", "workspaces", "widget"):
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            is_its_own = {"providers", "rehearsal", "migrations", "node_modules"} & {*path.parts}
            if not is_its_own:
                yield path


def test_nobody_but_its_stand_in_knows_a_provider_by_its_name() -> None:
    names = {*registry.PROVIDERS, *(provider.__name__ for provider in registry.PROVIDERS.values())}
    said = []
    for path in _product_files():
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            word = node.value if isinstance(node, ast.Constant) else getattr(node, "id", getattr(node, "attr", None))
            if word in names:
                line = getattr(node, "lineno", 0)
                said.append(f"{path.relative_to(settings.BASE_DIR)}:{line} {word}")
    assert said == []


def test_a_kind_is_its_module_or_folder_and_one_line_of_the_registry() -> None:
    source = (Path(settings.BASE_DIR) / "channels_app" / "providers" / "registry.py").read_text()
    for provider in registry.PROVIDERS.values():
        # Imported once, listed once.
        assert len(re.findall(rf"\b{provider.__name__}\b", source)) == 2
        assert provider.__module__.startswith("channels_app.providers.")


def test_every_kind_has_a_stand_in_which_is_its_module_and_one_line_of_the_registry() -> None:
    source = (Path(settings.BASE_DIR) / "channels_app" / "rehearsal" / "registry.py").read_text()
    assert {*STAND_INS} == {*registry.PROVIDERS}
    for stand_in in STAND_INS.values():
        assert len(re.findall(rf"\b{stand_in.__name__}\b", source)) == 2


@every_kind
def test_a_kind_has_the_contracts_label_a_purpose_and_words_for_each_field(kind: str) -> None:
    provider = registry.PROVIDERS[kind]
    assert provider.label == LABELS[kind]
    assert provider.purpose.endswith(".")
    for name, field in provider.config_form.base_fields.items():
        assert field.label, name
    assert set(provider.config_form.credentials) <= set(provider.config_form.base_fields)
    if provider.config_form.credentials:
        assert provider.hosts, "credentials go to hosts that are named"
    # Whoever sends anything has a way to settle what nobody knows, or says that it has none by ending it as unknown.
    assert not {Capability.KEYED, Capability.LOOK_UP} <= provider.capabilities
    assert provider.kind == kind
    assert issubclass(provider, Provider)


def make(kind: str) -> Connection:
    """A connection of this kind in a workspace of its own."""
    workspace = factories.make_workspace()
    config, credentials = SET_UP[kind]
    who, assistant = factories.actor(workspace), factories.make_assistant(workspace)
    with tenant(workspace.id):
        for field, value in credentials.items():
            secret_store.write(who, f"the_{field}", value)
        made = connections.create(
            who,
            kind=kind,
            name="Tried",
            assistant_id=assistant.id,
            config=config,
            credentials={field: f"the_{field}" for field in credentials},
        ).connection
    made.workspace = workspace
    return made


def post(connection: Connection, body: bytes = b"{}", **headers: str) -> Any:
    """An unsigned request at its address."""
    path = accounts.inbound_url(connection).removeprefix(settings.PUBLIC_BASE_URL)
    return Client().generic("POST", path, body, content_type="application/json", headers=headers)


@every_kind
@pytest.mark.django_db(transaction=True)
def test_what_is_not_signed_is_refused_counted_and_nothing_else(kind: str) -> None:
    connection = make(kind)
    answer = post(connection)
    assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
    with tenant(connection.workspace_id):
        assert not InboundEvent.objects.exists()
        assert RefusedRequest.objects.get().detail


@every_kind
@pytest.mark.django_db(transaction=True)
def test_without_anything_to_check_with_nothing_is_accepted(kind: str) -> None:
    connection = make(kind)
    with tenant(connection.workspace_id):
        connection.secrets.all().delete()
        for key in connection.credentials.values():
            secret_store.delete(factories.actor(connection.workspace), key)
    assert post(connection).status_code == 403
    with tenant(connection.workspace_id):
        assert not InboundEvent.objects.exists()


@every_kind
@pytest.mark.django_db(transaction=True)
def test_no_secret_of_a_connection_is_in_what_is_shown_of_it(kind: str) -> None:
    connection = make(kind)
    key = factories.make_api_key(connection.workspace)
    client = Client(headers={"Authorization": f"Bearer {key.token}"})
    with tenant(connection.workspace_id):
        own = [value for values in accounts.live_secrets(connection).values() for value in values]
    values = [*own, *SET_UP[kind][1].values()]
    for path in (f"/v1/connections/{connection.id}", f"/v1/connections/{connection.id}/events", "/v1/secrets"):
        shown = client.get(path).content.decode()
        assert not [value for value in values if value in shown], path
