"""SMS connections by the API: what they are made with, and what is refused at its field."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from channels_app import template_sync
from channels_app.models import Connection
from channels_app.providers.base import Finding, Health
from convoship.lib.outbound import sending
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from tests import factories
from tests.api.conftest import Program
from tests.channels.twilio_end import ACCOUNT, NUMBER, SERVICE
from workspaces import secret_store

CONFIG = {"account_sid": ACCOUNT, "from_number": "+1 (415) 555-2671"}


def body(api: Program, **config: Any) -> dict[str, Any]:
    assistant = factories.make_assistant(api.workspace)
    with tenant(api.workspace.id):
        secret_store.write(factories.actor(api.workspace), "twilio-token", "secret")
    return {
        "kind": "twilio_sms",
        "name": "Our number",
        "assistant_id": str(assistant.id),
        "config": {name: value for name, value in (CONFIG | config).items() if value is not None},
        "credentials": {"auth_token": "twilio-token"},
    }


def test_a_connection_is_made_with_its_number_in_one_form_and_no_secret_of_its_own(api: Program) -> None:
    made = api.post("/connections", body(api, rate=3, stop_words="Basta ,  Fine ", answers_help=True))
    assert made.status_code == 201, made.content
    found = made.data["connection"]
    assert found["config"] == {
        "account_sid": ACCOUNT,
        "from_number": NUMBER,
        "rate": 3.0,
        "stop_words": "Basta, Fine",
        "answers_help": True,
        "sends_mms": False,
        "stop_everywhere": False,
    }
    assert made.data["status_url"] == f"{made.data['inbound_url']}/status"
    assert "inbound_secret" not in made.data
    again = api.patch(f"/connections/{found['id']}", {"config": found["config"]})
    assert (again.status_code, again.data["config"]) == (200, found["config"])


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"account_sid": None}, "account_sid"),
        ({"account_sid": "AC123"}, "account_sid"),
        ({"account_sid": ACCOUNT.replace("AC", "SK", 1)}, "account_sid"),
        ({"account_sid": ACCOUNT.upper()}, "account_sid"),
        ({"from_number": None}, "from_number"),
        ({"from_number": "4155552671"}, "from_number"),
        ({"from_number": "+1415"}, "from_number"),
        ({"from_number": "+999123456789"}, "from_number"),
        ({"from_number": "12345"}, "from_number"),
        ({"from_number": "+1 four one five"}, "from_number"),
        ({"messaging_service_sid": SERVICE}, "messaging_service_sid"),
        ({"from_number": None, "messaging_service_sid": "MG1"}, "messaging_service_sid"),
        ({"rate": 0}, "rate"),
        ({"rate": 1000}, "rate"),
        ({"rate": "fast"}, "rate"),
        ({"rate": "nan"}, "rate"),
        ({"stop_words": ",".join(str(number) for number in range(30))}, "stop_words"),
        ({"stop_words": "..."}, "stop_words"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_can_not_be_set_up_is_refused_at_its_field(api: Program, config: dict[str, Any], field: str) -> None:
    answer = api.post("/connections", body(api, **config))
    assert answer.status_code == 422, answer.content
    assert f"config.{field}" in answer.data["errors"], answer.data


def test_it_needs_the_auth_token(api: Program) -> None:
    for credentials, field in (
        ({}, "auth_token"),
        ({"auth_token": "nowhere"}, "auth_token"),
        ({"api_key": "x"}, "api_key"),
    ):
        answer = api.post("/connections", body(api) | {"credentials": credentials})
        assert f"credentials.{field}" in answer.data["errors"]


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://api.twilio.com", True),
        ("https://api.dublin.ie1.twilio.com/", True),
        ("https://api.sydney.au1.twilio.com", True),
        ("http://api.twilio.com", False),
        ("https://api.twilio.com.evil.example", False),
        ("https://evil.example/api.twilio.com", False),
        ("https://eviltwilio.com", False),
        ("https://api.twilio.com@evil.example", False),
        ("https://me:pass@api.twilio.com", False),
        ("https://127.0.0.1", False),
        ("twilio.com", False),
    ],
)
def test_credentials_go_to_twilio_alone(api: Program, url: str, is_taken: bool) -> None:
    answer = api.post("/connections", body(api, api_base_url=url))
    assert answer.status_code == (201 if is_taken else 422), answer.content
    if not is_taken:
        assert "config.api_base_url" in answer.data["errors"]


def test_a_foreign_base_url_is_said_beside_all_else_that_is_wrong(api: Program) -> None:
    answer = api.post("/connections", body(api, api_base_url="https://api.evil.example", account_sid="no"))
    assert answer.status_code == 422
    assert {"config.api_base_url", "config.account_sid"} <= set(answer.data["errors"])


def test_a_secret_that_was_pasted_where_its_key_belongs_does_not_come_back(api: Program) -> None:
    assistant = factories.make_assistant(api.workspace)
    value = "0123456789abcdef" * 2
    answer = api.post(
        "/connections",
        {
            "kind": "twilio_sms",
            "name": "Phone",
            "assistant_id": str(assistant.id),
            "config": {"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"},
            "credentials": {"auth_token": value},
        },
    )
    assert answer.status_code == 422
    assert "not its value" in answer.data["errors"]["credentials.auth_token"][0]
    assert value not in answer.content.decode()


def test_a_number_leads_to_one_connection_and_a_second_one_is_told_which(api: Program) -> None:
    first = api.post("/connections", body(api)).data["connection"]
    answer = api.post("/connections", body(api) | {"name": "Again"})
    assert answer.status_code == 422
    assert "The connection “Our number” has it already" in str(answer.data["errors"]["config.from_number"])
    other = api.post("/connections", body(api, from_number="+14155552672")).data["connection"]
    answer = api.patch(f"/connections/{other['id']}", {"config": other["config"] | {"from_number": NUMBER}})
    assert "config.from_number" in answer.data["errors"]
    # Whoever has it may change the rest, and another kind may have the same number.
    assert api.patch(f"/connections/{first['id']}", {"config": first["config"] | {"rate": 2}}).status_code == 200
    assert api.post("/connections", body(api) | {"kind": "twilio_voice"}).status_code == 201


def test_two_connections_of_one_service_are_refused_too(api: Program) -> None:
    of_service = {"from_number": None, "messaging_service_sid": SERVICE}
    assert api.post("/connections", body(api, **of_service)).status_code == 201
    answer = api.post("/connections", body(api, **of_service))
    assert "config.messaging_service_sid" in answer.data["errors"]


@pytest.mark.django_db(transaction=True)
def test_of_two_that_want_a_number_at_the_same_moment_one_gets_it(
    api: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, both_looked = body(api), threading.Barrier(2)
    begin = template_sync.begin

    def begin_together(connection: Connection) -> None:
        # Whoever comes second would be here by now, unless they wait for the first.
        with contextlib.suppress(threading.BrokenBarrierError):
            both_looked.wait(1)
        begin(connection)

    monkeypatch.setattr(template_sync, "begin", begin_together)

    def ask(name: str) -> int:
        caller = Program(api.workspace, api.token)
        return int(caller.post("/connections", wanted | {"name": name}).status_code)

    async def together() -> list[int]:
        return await asyncio.gather(*(in_thread(ask, name) for name in ("One", "Two")))

    assert sorted(asyncio.run(together())) == [201, 422]
    assert len(api.get("/connections").data["results"]) == 1


# --- What a test found ------------------------------------------------------------------------------------------------

FINE = Health([Finding(True, "All is well.")])
WRONG = Health([Finding(False, "It is broken.", "Mend it.")])


def after_test(
    api: Program, monkeypatch: pytest.MonkeyPatch, found: Health, meanwhile: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """The connection after a test of it that found this, and did so after `meanwhile`."""

    def asked(asking: Coroutine[Any, Any, Health]) -> Health:
        asking.close()
        meanwhile()
        return found

    connection = api.get("/connections").data["results"][0]
    with monkeypatch.context() as patched:
        patched.setattr(sending, "to_its_end", asked)
        api.post(f"/connections/{connection['id']}/test")
    return current(api)


def current(api: Program) -> dict[str, Any]:
    """The only connection."""
    (found,) = api.get("/connections").data["results"]
    return dict(found)


def write_secret(api: Program, value: str = "another") -> None:
    with tenant(api.workspace.id):
        secret_store.write(factories.actor(api.workspace), "twilio-token", value)


def delete_secret(api: Program) -> None:
    with tenant(api.workspace.id):
        secret_store.delete(factories.actor(api.workspace), "twilio-token")


def change_number(api: Program) -> None:
    made = current(api)
    config = made["config"] | {"from_number": "+14155552672"}
    assert api.patch(f"/connections/{made['id']}", {"config": config}).status_code == 200


@pytest.mark.parametrize("change", [change_number, write_secret, delete_secret])
def test_what_a_test_found_of_settings_that_were_changed_meanwhile_does_not_count(
    api: Program, monkeypatch: pytest.MonkeyPatch, change: Callable[[Program], None]
) -> None:
    api.made("/connections", body(api))

    def meanwhile() -> None:
        change(api)
        with tenant(api.workspace.id):
            Connection.objects.update(failures=3, fault="It failed.")

    after = after_test(api, monkeypatch, FINE, meanwhile)
    assert after["last_test"] is None
    assert (after["health"]["failures"], after["health"]["words"]) == (3, "It failed.")


def test_a_test_that_began_before_another_does_not_take_its_place(
    api: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.made("/connections", body(api))
    after = after_test(api, monkeypatch, FINE, lambda: after_test(api, monkeypatch, WRONG))
    assert after["last_test"]["is_good"] is False
    assert after_test(api, monkeypatch, FINE)["last_test"]["is_good"] is True


@pytest.mark.parametrize("change", [change_number, write_secret, delete_secret])
def test_what_a_test_found_is_gone_with_the_settings_that_it_was_of(
    api: Program, monkeypatch: pytest.MonkeyPatch, change: Callable[[Program], None]
) -> None:
    api.made("/connections", body(api))
    assert after_test(api, monkeypatch, FINE)["last_test"]
    change(api)
    assert current(api)["last_test"] is None


def test_what_a_test_found_stays_where_only_the_name_or_the_assistant_is_another(
    api: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.made("/connections", body(api))
    made = after_test(api, monkeypatch, FINE)
    same = {"config": made["config"], "credentials": made["credentials"]}
    other = str(factories.make_assistant(api.workspace).id)
    changed = api.patch(f"/connections/{made['id']}", same | {"name": "Renamed", "assistant_id": other}).data
    assert (changed["name"], changed["last_test"]) == ("Renamed", made["last_test"])


def test_what_a_test_found_is_kept_short_and_without_what_can_not_be_stored(
    api: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.made("/connections", body(api))
    found = Health([Finding(False, f"The account 'A\x00B' {'x' * 600}", "Mend\x00 it.")])
    (kept,) = after_test(api, monkeypatch, found)["last_test"]["findings"]
    assert kept["words"].startswith("The account 'A\N{REPLACEMENT CHARACTER}B' xxx")
    assert len(kept["words"]) == 500
    assert kept["remedy"] == "Mend\N{REPLACEMENT CHARACTER} it."


def test_what_a_test_found_is_read_where_more_was_kept_of_it(api: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    api.made("/connections", body(api))
    findings = after_test(api, monkeypatch, WRONG)["last_test"]["findings"]
    with tenant(api.workspace.id):
        Connection.objects.update(tested=[one | {"of_another_version": 1} for one in findings])
    assert current(api)["last_test"]["findings"] == findings
