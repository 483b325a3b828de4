"""Secrets at rest (RELIABILITY R37, R38): in no dump, log or page; and their master keys rotated without a loss."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.urls import reverse

from channels_app import accounts, connections
from channels_app.models import Connection, ConnectionSecret
from convoship.lib import crypto, failpoints, sealed
from convoship.lib.failpoints import FailpointHit
from convoship.lib.tenancy import tenant
from convoship.machine import keys, state
from deployments import erased_addresses, identity, webhook_secrets
from deployments.models import IdentitySecret
from tests import factories
from tests.api.conftest import program
from workspaces import key_rotation, secret_store
from workspaces.models import AuditEvent, Secret, Workspace

pytestmark = pytest.mark.django_db

OLD, NEW, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))
NAME_OF_OLD, NAME_OF_NEW = crypto.name_of(OLD), crypto.name_of(NEW)


# --- What is planted ------------------------------------------------------------------------------------------------


def bridge_body(assistant_id: Any, name: str) -> dict[str, Any]:
    return {
        "kind": "custom_webhook",
        "name": name,
        "assistant_id": str(assistant_id),
        "config": {"url": "https://bridge.example/", "events": ["message.created"]},
    }


class Planted:
    """A workspace with 50 secrets, each made at the door that a customer would use."""

    def __init__(self) -> None:
        self.api = program()
        self.workspace = self.api.workspace
        self.values: list[str] = []
        self.answers: list[Any] = []
        made = factories.make_deployment(self.workspace)
        self.deployment = made.deployment
        for number in range(20):
            self._write(f"planted_{number}", f"planted-{os.urandom(24).hex()}-{number}")
        for number in range(5):
            body = bridge_body(made.deployment.assistant_id, f"Bridge {number}")
            answer = self.api.call("POST", "/connections", body, **{"Idempotency-Key": f"connection-{number}"})
            self.values += [answer.data["inbound_secret"], answer.data["signing_secret"]]
            rotated = self.api.post(
                f"/connections/{answer.data['connection']['id']}/rotate-secret",
                {"which": "inbound_secret", "overlap_seconds": 3600},
            )
            self.values.append(next(value for name, value in rotated.data.items() if str(value).startswith("whsec_")))
        for _ in range(5):
            answer = self.api.post(f"/deployments/{made.deployment.id}/identity/secrets", {"overlap_seconds": 3600})
            self.values.append(next(str(value) for value in _texts(answer.data) if str(value).startswith("cis_")))
        self.values += [factories.make_api_key(self.workspace).token for _ in range(4)]
        self.values += [factories.make_deployment(self.workspace).token for _ in range(3)]
        self.values += [factories.start_session(made).token for _ in range(3)]

    def _write(self, key: str, value: str) -> None:
        self.answers.append(self.api.call("PUT", f"/secrets/{key}", {"value": value}))
        self.values.append(value)


def _texts(data: Any) -> Iterator[Any]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
    else:
        yield data


def forms_of(value: str) -> Iterator[bytes]:
    """The value as it could stand somewhere: as it is, in hex, and in base64 whatever stands before it."""
    raw = value.encode()
    whole = [raw]
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The first characters and the last depend on what stands around it.
            whole.append(encode(b"\0" * before + raw)[4:-4])
    for form in whole:
        yield form
        yield form.hex().encode()
        yield form.hex().upper().encode()


def dump(workspace: Workspace) -> bytes:
    """All rows and columns of all tables, as `pg_dump` writes them."""
    out = io.BytesIO()
    with tenant(workspace.id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND has_table_privilege(oid, 'SELECT')"
        )
        for (table,) in cursor.fetchall():
            out.write(f"\n-- {table}\n".encode())
            with cursor.copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copied:
                for block in copied:
                    out.write(bytes(block))
    return out.getvalue()


def found_in(text: bytes, values: list[str]) -> list[str]:
    return [value for value in values if any(form in text for form in forms_of(value))]


def test_fifty_secrets_are_in_no_dump_log_audit_line_page_or_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    planted = Planted()
    values = planted.values
    assert len(values) == len(set(values)) == 50
    everything = dump(planted.workspace)
    for table in ("workspaces_secret", "channels_app_connectionsecret", "deployments_identitysecret"):
        assert f"-- {table}\n".encode() in everything
    assert b"planted_19" in everything
    assert found_in(everything, values) == []
    for path in ("/secrets", "/secrets/planted_1", "/connections", f"/deployments/{planted.deployment.id}/identity"):
        planted.answers.append(planted.api.get(path))
    for answer in planted.answers:
        assert found_in(answer.content, values) == []
    with tenant(planted.workspace.id):
        audited = json.dumps(list(AuditEvent.objects.values()), default=str).encode()
    assert b"secret.made" in audited
    assert found_in(audited, values) == []
    owner = Client()
    owner.force_login(factories.owner_of(planted.workspace))
    for page in ("/app/workspace/", "/app/workspace/secrets/", "/app/workspace/secrets/planted_1/replace"):
        answer = owner.get(page)
        assert answer.status_code == 200
        assert found_in(answer.content, values) == []
    assert found_in(caplog.text.encode(), values) == []


def test_the_search_finds_a_secret_in_each_form_that_it_could_have() -> None:
    value = "planted-0123456789-abcdef"
    raw = value.encode()
    for form in (
        raw,
        raw.hex().encode(),
        base64.b64encode(b"x" + raw + b"yz"),
        base64.urlsafe_b64encode(b"xy" + raw),
        base64.b64encode(raw).hex().encode(),
    ):
        assert found_in(b"before " + form + b" after", [value]) == [value]


@pytest.mark.parametrize("model", [Secret, IdentitySecret])
def test_no_page_of_the_admin_shows_what_is_sealed(model: type[models.Model]) -> None:
    planted = Planted()
    staff = Client()
    staff.force_login(factories.make_staff())
    staff.post("/admin/workspace/", {"workspace": str(planted.workspace.id), "next": "/admin/"})
    with tenant(planted.workspace.id):
        rows = [(row.pk, bytes(row.sealed)) for row in model._default_manager.all()]  # type: ignore[attr-defined]
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    pages = [
        staff.get(reverse(f"{name}_changelist")),
        *(staff.get(reverse(f"{name}_change", args=[pk])) for pk, _ in rows),
    ]
    for page in pages:
        assert page.status_code == 200
        assert found_in(page.content, planted.values) == []
        assert not any(value in page.content or value.hex().encode() in page.content for _, value in rows)


# --- What a value is bound to ---------------------------------------------------------------------------------------


def test_every_column_that_holds_sealed_values_is_registered() -> None:
    """A sealed column is a binary one by that name; one that a rotation forgets is lost with the old key.

    Digests are of one way, and `content` is what a rehearsal's phone sent, `sound` a call's until it is a file.
    """
    there = {
        (model._meta.label, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.BinaryField)
        and "digest" not in field.name
        and field.name not in {"content", "sound"}
    }
    assert there == {(column.model._meta.label, column.column) for column in sealed.columns()}


def test_what_is_copied_to_another_row_column_or_workspace_does_not_open() -> None:
    first, second = Stock("one"), Stock("two")
    with tenant(first.workspace.id):
        values = {column.table: bytes(column.model._default_manager.first().sealed) for column in sealed.columns()}  # type: ignore[union-attr]
    for stock in (first, second):
        with tenant(stock.workspace.id):
            for column in sealed.columns():
                for row in column.model._default_manager.all():
                    for table, value in values.items():
                        is_own = bytes(getattr(row, column.column)) == value and table == column.table
                        opened = crypto.opened_by(value, workspace_id=row.workspace_id, purpose=column.purpose(row))
                        assert (opened is not None) is is_own, (table, column.table)


# --- Rotation -------------------------------------------------------------------------------------------------------


class Stock:
    """A workspace with a few values of each kind: 3 + 2 + 1 + 1 + 1 rows."""

    def __init__(self, name: str) -> None:
        self.workspace = factories.make_workspace(name=name)
        self.who = factories.actor(self.workspace)
        made = factories.make_deployment(self.workspace)
        with tenant(self.workspace.id):
            for number in range(3):
                secret_store.write(self.who, f"key_{number}", f"value {number} of {name}")
            body = bridge_body(made.deployment.assistant_id, "Bridge") | {"credentials": {}}
            self.connection = connections.create(self.who, **{**body, "assistant_id": made.deployment.assistant_id})
            self.identity = identity.make_secret(self.who, made.deployment)
            self.digest = erased_addresses.digest_of("+14155550123")
            made.deployment.assistant.draft["webhook"] = {"url": "https://bot.example/"}
            self.webhook = webhook_secrets.rotate(self.who, made.deployment.assistant)

    def opens(self) -> None:
        """Everything reads as it was written."""
        with tenant(self.workspace.id):
            for number in range(3):
                assert secret_store.value_of(f"key_{number}") == f"value {number} of {self.workspace.name}"
            live = accounts.live_secrets(Connection.objects.get())
            assert {which: value for which, [value] in live.items()} == dict(self.connection.secrets)
            row = IdentitySecret.objects.get()
            value = crypto.unseal(row.sealed, workspace_id=row.workspace_id, purpose=identity.purpose(row))
            assert value == self.identity.value
            assert erased_addresses.digest_of("+14155550123") == self.digest
            assert webhook_secrets.signers(self.webhook.row.assistant) == [self.webhook.value]


ROWS = 8


@pytest.fixture
def stocks(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Stock]:
    """Two workspaces sealed with the old key, and a new one in front of it."""
    monkeypatch.setattr(state, "local_dir", lambda: tmp_path)
    settings.SECRETS_KEYS = [OLD]
    made = [Stock("one"), Stock("two")]
    settings.SECRETS_KEYS = [NEW, OLD]
    return made


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_secrets_keys", *arguments, stdout=out)
    said = out.getvalue()
    for key in (OLD, NEW, THIRD):
        assert base64.urlsafe_b64encode(key).decode() not in said
    return said


def test_status_counts_what_each_key_opens_the_newest_first(stocks: list[Stock]) -> None:
    said = run("status")
    assert said.index(f"1. {NAME_OF_NEW}  opens 0 rows") < said.index(f"2. {NAME_OF_OLD}  opens {2 * ROWS} rows")
    assert (
        "channels_app_connectionsecret 4, deployments_addresskey 2, deployments_identitysecret 2, "
        "deployments_webhooksecret 2, workspaces_secret 6" in said
    )
    assert "No key" not in said


def test_status_counts_what_no_key_opens_by_table(stocks: list[Stock], settings: Any) -> None:
    with tenant(stocks[0].workspace.id):
        Secret.objects.filter(key="key_0").update(sealed=b"spoilt")
    assert "No key opens 1 row (workspaces_secret 1)" in run("status")
    settings.SECRETS_KEYS = [NEW]
    assert f"No key opens {2 * ROWS} rows" in run("status")


def test_reencrypting_brings_everything_under_the_newest_key_and_then_the_old_may_go(
    stocks: list[Stock], settings: Any
) -> None:
    with pytest.raises(CommandError, match=rf"{NAME_OF_OLD} is still needed: it opens {2 * ROWS} rows \(channels_app"):
        run("drop", NAME_OF_OLD)
    said = run("reencrypt")
    assert f"{2 * ROWS} rows to bring under {NAME_OF_NEW}" in said
    assert f"{2 * ROWS} rows re-encrypted" in said
    assert "Take entry 2 of 2 out of CONVOSHIP_SECRETS_KEYS" in run("drop", NAME_OF_OLD)
    settings.SECRETS_KEYS = [NEW]
    for stock in stocks:
        stock.opens()
    assert "0 rows to bring" in run("reencrypt")


def test_stopped_half_way_it_goes_on_where_it_was(stocks: list[Stock], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_armed", failpoints.parse("F8=raise@5"))
    with pytest.raises(FailpointHit):
        run("reencrypt")
    assert failpoints._armed["F8"].hits == 5
    half = key_rotation.census()
    assert half.opened[NAME_OF_NEW].total() == 5
    assert half.left == 2 * ROWS - 5
    for stock in stocks:
        stock.opens()
    with pytest.raises(CommandError, match=f"it opens {half.left} rows"):
        run("drop", NAME_OF_OLD)
    monkeypatch.setattr(failpoints, "_armed", {})
    assert f"{half.left} rows re-encrypted" in run("reencrypt")
    assert key_rotation.census().left == 0
    for stock in stocks:
        stock.opens()


def test_a_row_that_somebody_writes_meanwhile_stays_as_they_wrote_it(
    stocks: list[Stock], monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = crypto.seal
    mine = stocks[0].workspace.id

    def meanwhile(value: str, *, workspace_id: Any, purpose: str) -> bytes:
        if purpose == "secret:key_1" and workspace_id == mine and value.startswith("value"):
            Secret.objects.filter(key="key_1").update(sealed=seal("theirs", workspace_id=workspace_id, purpose=purpose))
        return seal(value, workspace_id=workspace_id, purpose=purpose)

    monkeypatch.setattr(crypto, "seal", meanwhile)
    assert f"{2 * ROWS - 1} rows re-encrypted" in run("reencrypt")
    with tenant(mine):
        assert secret_store.value_of("key_1") == "theirs"


def test_rows_that_no_key_opens_are_left_as_they_are(stocks: list[Stock]) -> None:
    with tenant(stocks[0].workspace.id):
        ConnectionSecret.objects.filter(which="signing_secret").update(sealed=b"spoilt")
    assert "No key opens 1 row (channels_app_connectionsecret 1)" in run("reencrypt")
    with tenant(stocks[0].workspace.id):
        assert bytes(ConnectionSecret.objects.get(which="signing_secret").sealed) == b"spoilt"


def test_the_newest_key_and_one_that_is_not_there_are_not_dropped(stocks: list[Stock]) -> None:
    with pytest.raises(CommandError, match="is the newest key"):
        run("drop", NAME_OF_NEW)
    with pytest.raises(CommandError, match=f"There is no key 00000000. There are: {NAME_OF_NEW}, {NAME_OF_OLD}"):
        run("drop", "00000000")


def test_adding_a_key_where_the_environment_keeps_them_says_what_to_do(stocks: list[Stock]) -> None:
    with pytest.raises(CommandError, match="put it in front of the others"):
        run("add")


def test_an_embedded_installation_adds_and_drops_keys_itself(
    stocks: list[Stock], settings: Any, tmp_path: Path
) -> None:
    old = base64.urlsafe_b64encode(OLD).decode()
    keys.load_or_make(tmp_path)
    kept = json.loads((tmp_path / "keys.json").read_text())
    (tmp_path / "keys.json").write_text(json.dumps(kept | {"secrets_key": old}))
    settings.SECRETS_KEYS = [OLD]
    assert "Stop `make run` and start it again" in run("add")
    newest, second = keys.load_or_make(tmp_path).secrets_keys
    assert second == old
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    assert "not in use yet" in run("status")
    with pytest.raises(CommandError, match="added already"):
        run("add")
    # Started again, it has both.
    settings.SECRETS_KEYS = crypto.parse_master_keys([newest, old])
    with pytest.raises(CommandError, match="still needed"):
        run("drop", NAME_OF_OLD)
    assert keys.load_or_make(tmp_path).secrets_keys == [newest, old]
    run("reencrypt")
    assert f"{NAME_OF_OLD} is taken out of" in run("drop", NAME_OF_OLD)
    assert keys.load_or_make(tmp_path).secrets_keys == [newest]
    settings.SECRETS_KEYS = crypto.parse_master_keys([newest])
    for stock in stocks:
        stock.opens()
