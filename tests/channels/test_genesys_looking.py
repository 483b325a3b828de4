"""What is found at Genesys that nobody told: lost words, who came, who left; and setting it up."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from channels_app.providers.base import ProviderError
from channels_app.providers.desk_port import KnownCase, Looked
from channels_app.providers.genesys import setup, webhooks
from channels_app.providers.genesys.provider import Genesys
from tests.channels.far_end import Said
from tests.channels.genesys_end import (
    CONVERSATION,
    INBOUND,
    INTERACTION,
    OPEN,
    THERE,
    Organization,
    account,
    as_json,
    events,
    fixture,
    known,
    organization,
)

pytestmark = pytest.mark.asyncio
BULK = f"POST {THERE}/messages/bulk"
FIRST, SECOND = "8085cbb3f778c34de0bd14c5318ec44c", "9185cbb3f778c34de0bd14c5318ec44c"


@pytest.fixture
def there(settings: Any) -> Iterator[Organization]:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with organization() as found:
        found.on(f"GET {THERE}", as_json(fixture("conversation")))
        found.on(BULK, as_json(fixture("bulk")))
        yield found


async def look(there: Organization, case: KnownCase | None = None) -> Any:
    """What a look finds; of events whatever each has."""
    return await Genesys(account(there.base)).look_at(case or known())


def stands(**agent: Any) -> Any:
    """The interaction, with the agent's part changed."""
    found = fixture("conversation")
    found["participants"][3] |= agent
    return as_json(found)


def left(ago: dt.timedelta = dt.timedelta(minutes=5)) -> dict[str, Any]:
    return {"state": "disconnected", "endTime": (dt.datetime.now(dt.UTC) - ago).isoformat()}


# --- Words ------------------------------------------------------------------------------------------------------------


async def test_words_that_were_lost_come_in_order_under_the_keys_that_they_would_have_had(there: Organization) -> None:
    looked = await look(there)
    told = [events(fixture(name))[0] for name in ("text", "attachment")]
    assert [(one.key, one.address, one.says, one.text) for one in looked.events] == [
        (one.key, one.address, one.says, one.text) for one in told
    ]
    assert {one.name for one in looked.events} == {"Bea Agent"}
    assert there.asked(BULK)[0].json == [FIRST, SECOND]
    assert looked.there is not None
    assert looked.there.about == {"seen": [FIRST, SECOND]}
    # How it stands is told by the next look, soon.
    assert looked.again < 10


async def test_what_was_read_is_not_asked_for_again(there: Organization) -> None:
    there.on(BULK, as_json({"entities": fixture("bulk")["entities"][:1]}))
    looked = await look(there, known(seen=[FIRST]))
    assert there.asked(BULK)[0].json == [SECOND]
    assert [one.key for one in looked.events] == [f"message:{SECOND}"]
    assert [one.says for one in (await look(there, known(seen=[FIRST, SECOND]))).events] == ["accepted"]


async def test_what_was_asked_for_and_not_given_is_asked_for_again(there: Organization) -> None:
    there.on(BULK, as_json({"entities": []}))
    looked = await look(there)
    assert looked.there is not None
    assert looked.there.about["seen"] == []


async def test_what_we_wrote_and_what_was_said_before_the_case_is_left_out(there: Organization) -> None:
    case = replace(known(opened="2026-11-28T10:01:05.000Z"), sent=frozenset({SECOND}))
    looked = await look(there, case)
    assert there.asked(BULK) == []
    assert [one.says for one in looked.events] == ["accepted"]


async def test_what_the_customer_wrote_is_no_agents_word(there: Organization) -> None:
    ours = {**fixture("bulk")["entities"][0], "direction": "inbound"}
    there.on(BULK, as_json({"entities": [ours]}))
    assert [one.says for one in (await look(there)).events] == ["accepted"]


async def test_a_return_that_was_lost_is_found(there: Organization) -> None:
    found = fixture("bulk")["entities"][1]
    found["normalizedMessage"]["text"] = "/bot Done."
    there.on(BULK, as_json({"entities": [found]}))
    one = (await look(there)).events[0]
    assert (one.says, one.text) == ("returned", "Done.")


# --- Who is there -----------------------------------------------------------------------------------------------------

READ: dict[str, Any] = {"seen": [FIRST, SECOND]}


async def test_an_agent_who_came_is_told_once_with_their_name(there: Organization) -> None:
    case = known(**READ)
    looked = await look(there, case)
    assert case.there is not None
    assert [(one.says, one.name, one.address) for one in looked.events] == [("accepted", "Bea Agent", case.there.ref)]
    assert looked.there is not None
    assert looked.again == 60
    again = await look(there, known(**READ, agent=looked.there.about["agent"]))
    assert again.events == []


async def test_an_agent_who_is_only_rung_has_not_come(there: Organization) -> None:
    there.on(f"GET {THERE}", stands(state="alerting", connectedTime=None, messages=[]))
    assert (await look(there, known(**READ))).events == []


async def test_an_agent_who_leaves_closes_the_case(there: Organization) -> None:
    there.on(f"GET {THERE}", stands(**left()))
    case = known(**READ)
    looked = await look(there, case)
    assert case.there is not None
    assert [(one.says, one.name, one.address) for one in looked.events] == [("closed", "Bea Agent", case.there.ref)]
    assert looked.events[0].key == (await look(there, case)).events[0].key


async def test_a_transfer_is_no_end(there: Organization) -> None:
    there.on(f"GET {THERE}", stands(**left(dt.timedelta(seconds=2))))
    looked = await look(there, known(**READ))
    assert (looked.events, looked.again) == ([], 20.0)
    moved = fixture("conversation")
    moved["participants"][3] |= left()
    moved["participants"].append({"id": "p-queue-2", "purpose": "acd", "state": "connected"})
    there.on(f"GET {THERE}", as_json(moved))
    assert (await look(there, known(**READ))).events == []


async def test_an_end_that_nobody_had_lets_another_desk_try(there: Organization) -> None:
    over = fixture("conversation")
    del over["participants"][3]
    there.on(f"GET {THERE}", as_json(over))
    looked = await look(there, known(opened="2026-11-28T09:59:00.000Z"))
    assert [one.says for one in looked.events] == ["unavailable"]


async def test_who_left_before_the_case_was_opened_ends_nothing(there: Organization) -> None:
    there.on(f"GET {THERE}", stands(**left()))
    now = dt.datetime.now(dt.UTC).isoformat()
    assert (await look(there, known(**READ, opened=now))).events == []


async def test_after_three_days_of_silence_it_goes_back_whatever_genesys_says(there: Organization) -> None:
    there.on(f"GET {THERE}", as_json({"message": "No."}, 403))
    case = replace(known(), active_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=72, minutes=1))
    looked = await look(there, case)
    assert [(one.says, "72 hours" in one.text) for one in looked.events] == [("returned", True)]
    assert looked.events[0].key == (await look(there, case)).events[0].key
    nearly = replace(known(**READ, agent="p-agent"), active_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=71))
    there.on(f"GET {THERE}", as_json(fixture("conversation")))
    looked = await look(there, nearly)
    assert (looked.events, looked.again) == ([], 300.0)


async def test_an_interaction_that_has_no_id_is_not_looked_at(there: Organization) -> None:
    assert (await look(there, known(conversation=""))).events == []
    assert there.far.seen == []


# --- Looks in vain ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [f"GET {THERE}", BULK])
async def test_who_may_not_look_stops_nothing_else(there: Organization, where: str) -> None:
    there.on(where, as_json({"message": "No."}, 403))
    with pytest.raises(ProviderError) as error:
        await look(there)
    assert not error.value.stops
    assert error.value.blame == "message"
    assert error.value.retry_after == 300
    assert "Conversation > Message > View" in error.value.remedy


@pytest.mark.parametrize("status", [404, 410])
async def test_an_interaction_that_is_not_there_is_looked_for_again(there: Organization, status: int) -> None:
    there.on(f"GET {THERE}", as_json({"message": "Not found."}, status))
    with pytest.raises(ProviderError) as error:
        await look(there)
    assert not error.value.permanent


@pytest.mark.parametrize(
    "answer",
    [
        as_json({"message": "Broken."}, 500),
        as_json({"message": "Slow down."}, 429, **{"retry-after": "9"}),
        Said(200, {}, b"<html>"),
    ],
)
async def test_a_look_that_fails_is_repeated(there: Organization, answer: Said) -> None:
    there.on(f"GET {THERE}", answer)
    with pytest.raises(ProviderError) as error:
        await look(there)
    assert not error.value.permanent


async def test_odd_answers_break_nothing(there: Organization) -> None:
    for odd in ({}, {"participants": None}, {"participants": ["x", {"purpose": None, "messages": "y"}]}):
        there.on(f"GET {THERE}", as_json(odd))
        assert isinstance(await look(there), Looked)


# --- Test and the addresses -------------------------------------------------------------------------------------------

NOBODY = f"/api/v2/conversations/messages/{setup.NOBODYS}"


def ours(there: Organization, **changed: Any) -> Any:
    return as_json({**fixture("integration"), "outboundNotificationWebhookUrl": account().inbound_url, **changed})


async def findings(there: Organization, **given: Any) -> list[tuple[bool, str, str]]:
    health = await Genesys(account(there.base, **given)).check()
    return [(one.is_good, one.words, one.remedy) for one in health.findings]


async def test_a_test_makes_an_interaction_and_ends_it(there: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "APPEARS_SECONDS", (0.0, 0.0))
    there.on(f"GET {OPEN}", ours(there))
    there.on(f"PATCH {THERE}", as_json({"message": "Not yet."}, 404), as_json({}))
    found = await findings(there)
    assert all(good for good, _, _ in found)
    made = there.asked(f"POST {INBOUND}/message")[0].json
    assert made["channel"]["from"]["id"].startswith("convoship-test-")
    assert len(there.asked(f"PATCH {THERE}")) == 2
    assert "made and ended" in found[-1][1]
    assert any("can't be read" in words for _, words, _ in found)


async def test_a_test_interaction_is_only_made_where_it_can_be_ended(there: Organization) -> None:
    there.on(f"GET {OPEN}", ours(there))
    there.on(f"PATCH {NOBODY}", as_json({"message": "No."}, 403))
    found = await findings(there)
    assert there.asked(f"POST {INBOUND}/message") == []
    assert (found[-1][0], "Disconnect" in found[-1][2]) == (False, True)


async def test_a_test_says_what_is_wrong(there: Organization) -> None:
    there.on(f"GET {OPEN}", as_json(fixture("integration")))
    there.on(f"GET {NOBODY}", as_json({"message": "No."}, 403))
    there.on(f"POST {INBOUND}/message", as_json({"message": "No."}, 403))
    wrong = [(words, remedy) for good, words, remedy in await findings(there) if not good]
    assert ["elsewhere.example" in words for words, _ in wrong] == [True, False, False]
    assert "Set the addresses" in wrong[0][1]
    assert "Conversation > Communication > View" in wrong[1][1]
    assert "Conversation > Message > Receive" in wrong[2][1]


async def test_a_test_knows_a_wrong_integration_and_a_wrong_client(there: Organization) -> None:
    assert "no Open Messaging integration" in (await findings(there))[0][1]
    there.on("POST /oauth/token", as_json({"error": "invalid_client"}, 401))
    assert "refuses the OAuth client" in (await findings(there))[0][1]
    there.on(f"GET {OPEN}", ours(there, createStatus="Error", createError={"message": "No license."}))
    del there.answers["POST /oauth/token"]
    assert any("No license" in words for _, words, _ in await findings(there))


async def test_no_secret_is_found_by_a_test(there: Organization) -> None:
    there.on(f"GET {OPEN}", ours(there))
    there.on(f"PATCH {THERE}", as_json({}))
    assert any("no webhook secret" in words for good, words, _ in await findings(there, secret="") if not good)


async def test_the_addresses_are_set_with_a_new_secret_and_a_header(there: Organization) -> None:
    there.on(f"GET {OPEN}", as_json(fixture("integration")))
    there.on(f"PATCH {OPEN}", as_json(fixture("integration")))
    provider = Genesys(account(there.base, secret=""))
    health = await provider.register_webhook()
    secret = health.learned["webhook_secret"]
    assert health.is_good
    assert len(secret) > 40
    assert there.asked(f"PATCH {OPEN}")[0].json == {
        "name": fixture("integration")["name"],
        "outboundNotificationWebhookUrl": provider.account.inbound_url,
        "outboundNotificationWebhookSignatureSecretToken": secret,
        "webhookHeaders": {"X-Theirs": "1", "X-Convoship-Check": webhooks.second_check(secret)},
    }


async def test_setting_the_addresses_again_keeps_the_secret_that_flows_have(there: Organization) -> None:
    there.on(f"GET {OPEN}", as_json(fixture("integration")))
    there.on(f"PATCH {OPEN}", as_json({}))
    provider = Genesys(account(there.base))
    health = await provider.register_webhook()
    assert health.learned == {}
    sent = there.asked(f"PATCH {OPEN}")[0].json
    assert sent["outboundNotificationWebhookSignatureSecretToken"] == provider.account.credentials["webhook_secret"]


async def test_addresses_that_may_not_be_set_are_said_with_the_permission(there: Organization) -> None:
    there.on(f"GET {OPEN}", as_json(fixture("integration")))
    there.on(f"PATCH {OPEN}", as_json({"message": "No."}, 403))
    found = (await Genesys(account(there.base)).register_webhook()).findings[0]
    assert "Messaging > Integration > Edit" in found.remedy


async def test_no_secret_stands_in_what_people_read() -> None:
    own = account("https://api.example")
    shown = json.dumps(
        [Genesys.set_by_hand, Genesys.purpose, *(one.text + one.where for one in Genesys(own).to_paste())]
    )
    assert "X-Convoship-Secret" in shown

    assert CONVERSATION not in shown
    assert INTERACTION not in shown
