"""Connections by the API: made with secrets shown once, changed, tested, rotated, and their traffic looked at."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app import enqueueing, settling
from channels_app.models import Connection, Delivery
from convoship.lib.tenancy import tenant
from tests import factories
from tests.api.conftest import Program
from tests.channels import far_end
from tests.channels.far_end import Said

CONFIG = {"url": "https://bridge.example/hook", "events": ["message.created"]}


def body(api: Program, **more: Any) -> dict[str, Any]:
    assistant = factories.make_assistant(api.workspace)
    return {"kind": "custom_webhook", "name": "Bridge", "assistant_id": str(assistant.id), "config": CONFIG} | more


def test_a_connection_shows_its_secrets_in_the_answer_that_made_it_and_never_again(api: Program) -> None:
    wanted = body(api)
    made = api.post("/connections", wanted, **{"Idempotency-Key": "one"})
    assert made.status_code == 201
    secrets = [made.data["inbound_secret"], made.data["signing_secret"]]
    assert all(secret.startswith("whsec_") for secret in secrets)
    found = made.data["connection"]
    assert found["inbound_url"].endswith(f"/v1/public/channels/custom_webhook/{found['id']}")
    assert found["health"]["words"] == "Nothing has gone over it yet."
    again = api.post("/connections", wanted, **{"Idempotency-Key": "one"})
    assert (again.status_code, again.data["replayed"], again.data["inbound_secret"]) == (201, True, None)
    later = [again, api.get("/connections"), api.get(f"/connections/{found['id']}")]
    assert not [answer for answer in later for secret in secrets if secret in answer.content.decode()]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "carrier_pigeon"}, "kind"),
        ({"name": "  "}, "name"),
        ({"assistant_id": "11111111-1111-4111-8111-111111111111"}, "assistant_id"),
        ({"assistant_id": "no id"}, "assistant_id"),
        ({"config": {}}, "config.url"),
        ({"config": CONFIG | {"url": "nonsense"}}, "config.url"),
        ({"config": CONFIG | {"url": "http://bridge.example/"}}, "config.url"),
        ({"config": CONFIG | {"url": "https://169.254.169.254/latest"}}, "config.url"),
        ({"config": CONFIG | {"url": "https://10.0.0.1/x"}}, "config.url"),
        ({"config": CONFIG | {"url": "https://[::1]/x"}}, "config.url"),
        ({"config": CONFIG | {"url": "https://2130706433/x"}}, "config.url"),
        ({"config": CONFIG | {"url": "https://bridge.example:9/x"}}, "config.url"),
        ({"config": CONFIG | {"url": "https://me:pass@bridge.example/"}}, "config.url"),
        ({"config": CONFIG | {"events": []}}, "config.events"),
        ({"config": CONFIG | {"events": ["moon.landed"]}}, "config.events"),
        ({"config": CONFIG | {"surprise": 1}}, "config.surprise"),
        ({"credentials": {"auth_token": "x"}}, "credentials.auth_token"),
        ({"config": "text"}, "config"),
    ],
)
def test_what_can_not_be_set_up_is_refused_at_its_field(api: Program, changes: dict[str, Any], field: str) -> None:
    answer = api.post("/connections", body(api) | changes)
    assert answer.status_code == 422, answer.content
    assert field in answer.data["errors"], answer.data
    assert api.get("/connections").data["results"] == []


def test_an_assistant_that_was_never_published_can_not_answer(api: Program) -> None:
    draft = factories.make_assistant(api.workspace, published=False)
    answer = api.post("/connections", body(api, assistant_id=str(draft.id)))
    assert "Publish" in answer.data["errors"]["assistant_id"][0]


def test_changing_it_keeps_what_was_not_named(api: Program) -> None:
    made = api.made("/connections", body(api))["connection"]
    changed = api.patch(f"/connections/{made['id']}", {"name": "Renamed"}).data
    assert (changed["name"], changed["config"]) == ("Renamed", made["config"])
    wrong = api.patch(f"/connections/{made['id']}", {"config": CONFIG | {"url": "x"}})
    assert "config.url" in wrong.data["errors"]
    assert "assistant_id" in api.patch(f"/connections/{made['id']}", {"assistant_id": "no id"}).data["errors"]
    assert api.get(f"/connections/{made['id']}").data == changed


def test_disabling_says_who_did_it_and_enabling_takes_it_back(api: Program) -> None:
    made = api.made("/connections", body(api))["connection"]
    paused = api.post(f"/connections/{made['id']}/disable").data
    assert paused["state"] == "paused"
    assert "Nothing is lost" in paused["health"]["words"]
    enabled = api.post(f"/connections/{made['id']}/enable").data
    assert (enabled["state"], enabled["state_reason"]) == ("active", "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("said", "is_good", "words"),
    [(Said(200), True, "answered 200"), (Said(401), False, "401"), (Said(302), False, "redirects are not followed")],
)
def test_testing_sends_a_signed_event_and_says_what_came_back(
    api: Program, settings: Any, said: Said, is_good: bool, words: str
) -> None:
    with far_end.running() as far:
        settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", far.port)})
        far.script(said)
        made = api.made("/connections", body(api, config=CONFIG | {"url": far.url}))["connection"]
        found = api.post(f"/connections/{made['id']}/test").data
        assert found["is_good"] is is_good
        assert words in found["findings"][0]["words"]
        kept = api.get(f"/connections/{made['id']}").data["last_test"]
        assert {"is_good": kept["is_good"], "findings": kept["findings"]} == found
        assert far.seen[0].json["type"] == "connection.test"
        assert far.seen[0].headers["webhook-signature"].startswith("v1,")


def test_a_private_address_is_not_called(api: Program) -> None:
    made = api.made("/connections", body(api, config=CONFIG | {"url": "https://localhost/"}))["connection"]
    found = api.post(f"/connections/{made['id']}/test").data
    assert found["is_good"] is False
    assert "private network" in found["findings"][0]["words"]


def test_a_rotated_secret_is_shown_once(api: Program) -> None:
    made = api.made("/connections", body(api))["connection"]
    path = f"/connections/{made['id']}/rotate-secret"
    rotated = api.post(path, {"which": "inbound_secret", "overlap_seconds": 60}, **{"Idempotency-Key": "r"})
    assert rotated.data["secret"].endswith(rotated.data["last_four"])
    assert (
        api.post(path, {"which": "inbound_secret", "overlap_seconds": 60}, **{"Idempotency-Key": "r"}).data["secret"]
        is None
    )
    assert "which" in api.post(path, {"which": "other"}).data["errors"]


def failed(api: Program) -> tuple[str, str]:
    made = api.made("/connections", body(api))["connection"]
    with tenant(api.workspace.id):
        delivery = enqueueing.enqueue_alone(Connection.objects.get(), "message.created", {"type": "x", "data": {}})
        settling.end(delivery, "failed", reason="It broke.", remedy="Mend it.")
    return made["id"], str(delivery.id)


def test_a_failed_delivery_is_found_explained_and_replayed(api: Program) -> None:
    connection, delivery = failed(api)
    found = api.get(f"/connections/{connection}/deliveries?status=failed").data["results"]
    assert [(row["id"], row["reason"], row["remedy"]) for row in found] == [(delivery, "It broke.", "Mend it.")]
    assert api.get(f"/connections/{connection}/deliveries?status=delivered").data["results"] == []
    replayed = api.post(f"/deliveries/{delivery}/replay")
    assert (replayed.status_code, replayed.data["status"], replayed.data["reason"]) == (202, "queued", "")
    with tenant(api.workspace.id):
        settling.end(Delivery.objects.get(), "delivered")
    refused = api.post(f"/deliveries/{delivery}/replay")
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")
    assert "double" in refused.data["detail"]


def test_a_dead_letter_is_dismissed_and_stays_what_it_is(api: Program) -> None:
    connection, delivery = failed(api)
    assert api.get(f"/deliveries/{delivery}").data["dismissed_at"] is None
    dismissed = api.post(f"/deliveries/{delivery}/dismiss")
    assert (dismissed.status_code, dismissed.data["status"]) == (200, "failed")
    assert dismissed.data["dismissed_at"]
    again = api.post(f"/deliveries/{delivery}/dismiss")
    assert (again.status_code, again.data["dismissed_at"]) == (200, dismissed.data["dismissed_at"])
    (row,) = api.get(f"/connections/{connection}/deliveries?status=failed").data["results"]
    assert row["dismissed_at"] == dismissed.data["dismissed_at"]
    assert api.post(f"/deliveries/{delivery}/replay").data["dismissed_at"] is None
    refused = api.post(f"/deliveries/{delivery}/dismiss")
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")


def test_what_is_parked_is_found_as_that(api: Program) -> None:
    connection, delivery = failed(api)
    with tenant(api.workspace.id):
        Delivery.objects.update(status="queued", settled_at=None, is_parked=True, reason="Used up.")
    (row,) = api.get(f"/connections/{connection}/deliveries?status=parked").data["results"]
    assert (row["id"], row["status"], row["reason"]) == (delivery, "parked", "Used up.")
    assert row["next_attempt_at"]
    assert api.get(f"/connections/{connection}/deliveries?status=queued").data["results"] == []


def test_deleting_it_takes_its_traffic_along(api: Program) -> None:
    connection, delivery = failed(api)
    assert api.call("DELETE", f"/connections/{connection}").status_code == 204
    assert api.get(f"/connections/{connection}").status_code == 404
    assert api.get(f"/deliveries/{delivery}").status_code == 404
