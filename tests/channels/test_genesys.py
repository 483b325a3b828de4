"""Genesys Cloud as a desk: what it is told, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from channels_app.providers.base import BadEvent, ProviderError, SignatureInvalid
from channels_app.providers.desk_port import CLOSED, MESSAGE, OPENED, RECEIPT, TRANSCRIPT, KnownCase
from channels_app.providers.events import DeskSaid, NotUsed, StatusReported
from channels_app.providers.genesys import webhooks
from channels_app.providers.genesys.provider import Genesys
from channels_app.providers.genesys.regions import CHOICES, DOMAINS
from tests.channels.far_end import Said
from tests.channels.genesys_end import (
    CONVERSATION,
    INBOUND,
    INTEGRATION,
    INTERACTION,
    PAGE,
    SECRET,
    THERE,
    Organization,
    account,
    as_json,
    case_of,
    events,
    fixture,
    organization,
    outgoing,
    request,
    said,
)

pytestmark = pytest.mark.asyncio
MESSAGES = f"POST {INBOUND}/message"


@pytest.fixture
def there(settings: Any) -> Iterator[Organization]:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with organization() as found:
        yield found


def genesys(there: Organization | None = None, **config: Any) -> Genesys:
    return Genesys(account(there.base if there else "", **config))


# --- Settings ---------------------------------------------------------------------------------------------------------


def form(**values: str) -> Any:
    given = {"region": "eu-central-1", "integration_id": INTEGRATION, "client_id": "a", "client_secret": "b"}
    return Genesys.config_form({**given, **values})


async def test_the_region_comes_from_a_list_that_shows_domains() -> None:
    assert form().is_valid()
    assert "mypurecloud" not in str(form(region="").errors["region"])
    assert "Choose the region" in str(form(region="").errors["region"])
    assert "eu-central-1" in str(form(region="api.evil.example").errors["region"])
    assert form().fields["region"].choices[0][0] == ""
    assert all(DOMAINS[region] in label for region, label in CHOICES)
    assert set(Genesys.hosts) == set(DOMAINS.values())


async def test_the_integration_is_a_uuid_and_the_secret_may_come_later() -> None:
    found = form(integration_id=f" {INTEGRATION.upper()} ")
    assert found.is_valid()
    assert found.cleaned_data["integration_id"] == INTEGRATION
    assert found.cleaned_data["on_end"] == "end"
    assert "UUID" in str(form(integration_id="17").errors)
    page = "https://apps.mypurecloud.de/directory/#/admin/messaging/open/"
    for pasted in (f"{page}{INTEGRATION}", INTEGRATION.replace("-", "")):
        found = form(integration_id=pasted)
        assert found.is_valid()
        assert found.cleaned_data["integration_id"] == INTEGRATION
    assert "UUID" in str(form(integration_id=f"{page}{INTEGRATION}/{uuid4()}").errors)
    assert "UUID" in str(form(integration_id=page).errors)
    assert not form(client_id="").is_valid()


# --- What it is told --------------------------------------------------------------------------------------------------


async def test_the_whole_conversation_goes_as_messages_of_the_customers_in_order() -> None:
    messages = [said(f"{at}: {'long ' * 300}", seq=at) for at in range(1, 9)]
    planned = genesys().plan_opened(case_of(), messages, PAGE)
    assert [one.what for one in planned] == [OPENED, TRANSCRIPT, TRANSCRIPT, TRANSCRIPT][: len(planned)]
    whole = "\n".join(one.content["text"] for one in planned)
    assert len(planned) > 2
    assert whole.startswith("Handed over by Convoship.")
    assert PAGE in whole
    assert all(f"{at}: long" in whole for at in range(1, 9))
    assert all(len(one.content["text"]) <= 4000 for one in planned)
    assert [one.content.get("piece", 0) for one in planned] == list(range(len(planned)))


async def test_flows_route_by_metadata_of_text_alone() -> None:
    case = case_of()
    found = genesys().plan_opened(case, [said("Where is my parcel?")], PAGE)[0].content["metadata"]
    assert found["convoship_case"] == case.key
    assert found["convoship_conversation"] == CONVERSATION
    assert found["convoship_reason"] == "They asked."
    assert found["convoship_link"] == PAGE
    assert all(isinstance(value, str) for value in found.values())


async def test_an_address_that_was_only_typed_makes_nobody_a_contact() -> None:
    whose = genesys().plan_opened(case_of(), [], PAGE)[0].content["from"]
    assert whose == {"id": CONVERSATION, "idType": "Opaque", "nickname": "Ada", "firstName": "Ada"}
    proven = genesys().plan_opened(case_of(external_id="u1"), [], PAGE)[0].content["from"]
    assert proven["email"] == "ada@example.com"


async def test_a_message_has_the_same_id_and_time_at_every_try(there: Organization) -> None:
    planned = genesys().plan_turn(case_of(), said("Hello?"))[0]
    assert planned.what == MESSAGE
    what = outgoing(planned)
    there.on(MESSAGES, Said(cut=True), as_json(fixture("taken")))
    with pytest.raises(ProviderError) as lost:
        await genesys(there).send(what)
    assert lost.value.ambiguous
    await genesys(there).send(what)
    one, other = (seen.json for seen in there.asked(MESSAGES))
    assert one == other
    assert one["channel"] == {
        "from": {"id": CONVERSATION, "idType": "Opaque", "nickname": "Ada", "firstName": "Ada"},
        "time": "2026-11-28T10:00:00.000Z",
        "messageId": what.key,
    }
    assert one["text"] == "Hello?"


async def test_the_opening_is_answered_with_the_interaction(there: Organization) -> None:
    planned = genesys().plan_opened(case_of(), [said("Hello?")], PAGE)[0]
    case = KnownCase(f"{uuid4()}.1")
    receipt = await genesys(there).send(outgoing(planned, case))
    seen = there.asked(MESSAGES)[0]
    assert seen.path.endswith("?prefetchConversationId=true")
    assert seen.headers["authorization"] == "Bearer t0ken"
    assert seen.json["metadata"] == seen.json["channel"]["metadata"]["customAttributes"]
    assert receipt.status == "accepted"
    assert receipt.provider_id == "d585cbb3f778c34de0bd14c5318ec44c"
    assert receipt.case is not None
    assert (receipt.case.ref, receipt.case.number) == (CONVERSATION, INTERACTION)
    assert receipt.case.url == f"https://apps.mypurecloud.de/directory/#/analytics/interactions/{INTERACTION}/admin"
    assert receipt.case.about == {"conversation": INTERACTION, "opened": "2026-11-28T10:00:00.000Z"}


async def test_the_token_is_asked_for_by_basic_and_form(there: Organization) -> None:
    await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0]))
    asked = there.asked("POST /oauth/token")[0]
    assert asked.headers["authorization"].startswith("Basic ")
    assert asked.body == b"grant_type=client_credentials"


async def test_a_token_that_was_taken_back_is_got_anew_once(there: Organization) -> None:
    there.on(MESSAGES, as_json({"code": "bad.credentials"}, 401), as_json(fixture("taken")))
    await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0]))
    assert len(there.asked("POST /oauth/token")) == 2


async def test_participant_data_that_is_refused_is_left_out(there: Organization) -> None:
    there.on(MESSAGES, as_json(fixture("error"), 400), as_json(fixture("taken")))
    planned = genesys().plan_opened(case_of(), [said("Hello?")], PAGE)[0]
    await genesys(there).send(outgoing(planned, KnownCase(f"{uuid4()}.1")))
    one, other = (seen.json for seen in there.asked(MESSAGES))
    assert one["channel"]["messageId"] == other["channel"]["messageId"]
    assert "metadata" not in other["channel"]
    assert other["metadata"]["convoship_conversation"] == CONVERSATION


async def test_the_interaction_may_become_another_one_in_the_middle(there: Organization) -> None:
    there.on(MESSAGES, as_json({**fixture("taken"), "conversationId": "c2"}))
    receipt = await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0]))
    assert receipt.case is not None
    assert (receipt.case.number, receipt.case.about) == ("c2", {"conversation": "c2"})


async def test_what_genesys_has_already_is_no_error(there: Organization) -> None:
    there.on(MESSAGES, as_json({"message": "Duplicate.", "code": "conflict"}, 409))
    receipt = await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0]))
    assert receipt.case is not None
    assert receipt.case.number == INTERACTION


async def test_nothing_is_added_to_what_was_never_opened(there: Organization) -> None:
    with pytest.raises(ProviderError) as refused:
        await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0], KnownCase("k.1")))
    assert refused.value.permanent
    assert there.far.seen == []


async def test_a_long_turn_goes_in_pieces_and_a_programs_words_say_whose_they_are() -> None:
    pieces = genesys().plan_turn(case_of(), said("x" * 9000))
    assert [len(one.content["text"]) for one in pieces] == [4000, 4000, 1000]
    program = genesys().plan_turn(case_of(), said("Your parcel left.", "agent", author_name="Shop"))
    assert program[0].content["text"] == "Shop wrote to the visitor: Your parcel left."


PICTURE = {"id": str(uuid4()), "name": "a.png", "size": 9, "content_type": "image/png"}


async def test_files_go_as_attachments_by_links(there: Organization) -> None:
    files = [PICTURE, {**PICTURE, "id": str(uuid4()), "name": "b.pdf", "content_type": "application/pdf"}]
    late = {"id": str(uuid4()), "name": "c.mp3", "state": "fetching"}
    planned = genesys().plan_turn(case_of(), said("Look", attachments=[*files, late]))[0]
    await genesys(there).send(outgoing(planned))
    body = there.asked(MESSAGES)[0].json
    sent = [one["attachment"] for one in body["content"]]
    assert [(one["mediaType"], one["mime"], one["filename"]) for one in sent] == [
        ("Image", "image/png", "a.png"),
        ("File", "application/pdf", "b.pdf"),
    ]
    assert all("/files/" in one["url"] for one in sent)
    assert body["text"] == "Look\n\n[file on its way: c.mp3]"


async def test_an_attachment_that_is_refused_goes_as_a_link_in_words(there: Organization) -> None:
    there.on(MESSAGES, as_json(fixture("error"), 400), as_json(fixture("taken")))
    await genesys(there).send(outgoing(genesys().plan_files(case_of(), said("", attachments=[PICTURE]))[0]))
    one, other = (seen.json for seen in there.asked(MESSAGES))
    assert "text" not in one
    assert "content" not in other
    assert other["text"].startswith("a.png: http")
    assert "/files/" in other["text"]


async def test_the_end_is_told_and_the_interaction_ended(there: Organization) -> None:
    case = case_of()
    tells, ends = genesys().plan_closed(case, "by_visitor", "The visitor went back to the assistant.")
    assert (tells.what, ends.what) == (CLOSED, CLOSED)
    there.on(f"GET {THERE}", as_json(fixture("conversation")))
    there.on(f"PATCH {THERE}", as_json({}))
    await genesys(there).send(outgoing(tells))
    await genesys(there).send(outgoing(ends))
    assert "The visitor went back" in there.asked(MESSAGES)[0].json["text"]
    assert there.asked(f"PATCH {THERE}")[0].json == {"state": "disconnected"}
    assert len(genesys(on_end="tell").plan_closed(case, "by_visitor", "Over.")) == 1


async def test_a_farewell_opens_no_interaction_again(there: Organization) -> None:
    over = fixture("conversation")
    over["participants"][3] |= {"state": "disconnected", "endTime": "2026-11-28T10:05:00.000Z"}
    there.on(f"GET {THERE}", as_json(over))
    tells = genesys().plan_closed(case_of(), "ended", "The visitor left.")[0]
    assert "already" in (await genesys(there).send(outgoing(tells))).answer
    assert there.asked(MESSAGES) == []


async def test_who_may_not_end_interactions_is_told_which_permission_is_missing(there: Organization) -> None:
    there.on(f"PATCH {THERE}", as_json({"message": "No."}, 403))
    ends = genesys().plan_closed(case_of(), "ended", "The visitor left.")[1]
    with pytest.raises(ProviderError) as refused:
        await genesys(there).send(outgoing(ends))
    assert not refused.value.stops
    assert refused.value.blame == "message"
    assert "Conversation > Communication > Disconnect" in refused.value.remedy
    there.on(f"PATCH {THERE}", as_json({"message": "Gone."}, 404))
    assert "already" in (await genesys(there).send(outgoing(ends))).answer


async def test_an_agent_sees_beside_the_message_whether_it_reached_anybody(there: Organization) -> None:
    provider, case = genesys(there), case_of()
    got = provider.plan_received(case, "message:8085")
    lost = provider.plan_undelivered(case, "message:8086", "Hello?", "The conversation has ended.")
    assert [one.what for one in (*got, *lost)] == [RECEIPT, RECEIPT]
    for one in (*got, *lost):
        await provider.send(outgoing(one))
    first, second = (seen.json for seen in there.asked(f"POST {INBOUND}/receipt"))
    to = {"to": {"id": CONVERSATION, "idType": "Opaque"}, "time": "2026-11-28T10:00:00.000Z"}
    assert first == {"id": "8085", "channel": to, "status": "Delivered", "isFinalReceipt": True}
    reasons = [{"code": "GeneralError", "message": "The conversation has ended."}]
    assert second == {**first, "id": "8086", "status": "Failed", "reasons": reasons}


async def test_a_receipt_that_is_not_wanted_is_nobodys_fault(there: Organization) -> None:
    there.on(f"POST {INBOUND}/receipt", as_json({"message": "Unknown message."}, 404))
    receipt = await genesys(there).send(outgoing(genesys().plan_received(case_of(), "message:1")[0]))
    assert "not wanted" in receipt.answer


# --- What goes wrong --------------------------------------------------------------------------------------------------

WRONG = [
    (as_json(fixture("error"), 400), {"permanent": True, "stops": False, "blame": "message"}),
    (as_json({"message": "No.", "code": "missing.permissions"}, 403), {"permanent": True, "stops": True}),
    (as_json({"message": "Slow down."}, 429, **{"retry-after": "7"}), {"permanent": False, "retry_after": 7.0}),
    (as_json({"message": "Broken."}, 500), {"permanent": False, "ambiguous": True}),
    (as_json({"message": "Away."}, 503), {"permanent": False, "ambiguous": True}),
    (Said(200, {"content-type": "text/html"}, b"<html>Proxy</html>"), {"permanent": False, "ambiguous": True}),
    (Said(302, {"location": "http://169.254.169.254/"}), {"permanent": True, "blame": "connection"}),
]


@pytest.mark.parametrize(("answer", "found"), WRONG, ids=lambda one: str(getattr(one, "status", "")))
async def test_each_kind_of_failure_is_known(there: Organization, answer: Said, found: dict[str, Any]) -> None:
    there.on(MESSAGES, answer)
    with pytest.raises(ProviderError) as error:
        await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0]))
    assert {name: getattr(error.value, name) for name in found} == found


async def test_a_refusal_names_the_permission_and_genesys_own_words(there: Organization) -> None:
    there.on(MESSAGES, as_json({**fixture("error"), "status": 403}, 403))
    with pytest.raises(ProviderError) as error:
        await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0]))
    assert "Conversation > Message > Receive" in error.value.remedy
    assert "contextId be93021b" in error.value.words


@pytest.mark.parametrize("status", [400, 401])
async def test_a_wrong_client_stops_the_connection(there: Organization, status: int) -> None:
    there.on("POST /oauth/token", as_json({"error": "invalid_client", "description": "client not found"}, status))
    with pytest.raises(ProviderError) as error:
        await genesys(there).send(outgoing(genesys().plan_turn(case_of(), said("Hello?"))[0]))
    assert error.value.stops
    assert "OAuth" in error.value.remedy


# --- What it tells ----------------------------------------------------------------------------------------------------


async def test_an_agents_words_come_as_a_message_under_genesys_own_id() -> None:
    assert events(fixture("text")) == [
        DeskSaid(
            key="message:8085cbb3f778c34de0bd14c5318ec44c",
            address=CONVERSATION,
            says="message",
            text="Hello, this is Bea. How can I help?",
        )
    ]


async def test_attachments_and_choices_are_lines() -> None:
    url = "https://api-downloads.mypurecloud.ie/api/v2/downloads/pce9ac7dc17eab202a3"
    assert events(fixture("attachment"))[0].text == f"Header_Genesys.png: {url}"
    assert events(fixture("structured"))[0].text == "Which one is it?\n• The blue one\n• The red one"
    unsafe = fixture("attachment")
    unsafe["content"][0]["attachment"]["url"] = "javascript:alert(1)"
    assert events(unsafe)[0].text == "[file: Header_Genesys.png]"


@pytest.mark.parametrize(
    ("text", "says", "left"),
    [
        ("/bot", "returned", ""),
        (" /BOT  Refunded.\nAll is well. ", "returned", "Refunded.\nAll is well."),
        ("/bottle", "message", "/bottle"),
        ("Use /bot", "message", "Use /bot"),
    ],
)
async def test_an_agent_gives_it_back_by_a_word(text: str, says: str, left: str) -> None:
    found = events({**fixture("text"), "text": text})[0]
    assert (found.says, found.text) == (says, left)


async def test_typing_is_shown() -> None:
    found = events(fixture("typing"))[0]
    assert (found.says, found.on, found.address) == ("typing", True, CONVERSATION)


async def test_what_genesys_could_not_take_is_reported() -> None:
    found = events(fixture("receipt_failed"))[0]
    assert isinstance(found, StatusReported)
    assert (found.provider_id, found.status, found.code) == (
        "c485cbb3f778c34de0bd14c5318ec44c",
        "failed",
        "GeneralError",
    )
    assert "could not be fetched" in found.reason
    delivered = events({**fixture("receipt_failed"), "status": "Delivered"})[0]
    assert (delivered.status, delivered.key == found.key) == ("delivered", False)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Presence"},
        {"direction": "Inbound"},
        {"channel": {}},
        {"id": None},
        {"text": "", "content": [{"contentType": "Reactions"}]},
        {"type": "Event", "events": [{"eventType": "Presence"}]},
        {"type": "Receipt", "status": "Removed"},
        {"channel": "nonsense", "content": "nonsense"},
    ],
)
async def test_all_else_is_kept_and_changes_nothing(change: dict[str, Any]) -> None:
    assert isinstance(events({**fixture("text"), **change})[0], NotUsed)


async def test_a_copy_has_the_same_key() -> None:
    assert events(fixture("text"))[0].key == events(fixture("text"))[0].key
    assert events(fixture("typing"))[0].key != events(fixture("text"))[0].key


async def test_what_is_no_json_is_said_so() -> None:
    for body in (b"{", b"[]"):
        with pytest.raises(BadEvent):
            events(body)


# --- Signatures -------------------------------------------------------------------------------------------------------


def refused(asked: Any, secret: str = SECRET) -> str:
    with pytest.raises(SignatureInvalid) as found:
        Genesys(account(secret=secret)).validate_request(asked)
    return found.value.reason


async def test_the_signature_is_base64_over_the_raw_bytes() -> None:
    raw = b'{ "id":"1",  "text":"\xc3\xa9" }'
    # printf '{ "id":"1",  "text":"é" }' | openssl dgst -sha256 -hmac 'a secret of more than 16' -binary | base64
    assert webhooks.signature(SECRET, raw) == "sha256=Pig0rbkCmEbICvsY/XLcFt0q6f8foi4y7fLK628QhjU="
    Genesys(account()).validate_request(request(raw))


async def test_what_is_not_signed_right_is_refused() -> None:
    good = request(fixture("text"))
    assert refused(request(fixture("text"), secret=None)) == "signature_missing"
    assert refused(request(fixture("text"), secret="another secret of 16")) == "signature_wrong"
    changed = request({**fixture("text"), "text": "Changed."}, headers=dict(good.headers))
    assert refused(changed) == "signature_wrong"
    assert refused(good, secret="") == "no_secret"
    assert refused(request(b"{}", part="return"), secret="") == "no_secret"


async def test_a_second_header_is_checked_where_it_is_there() -> None:
    signed = dict(request(fixture("text")).headers)
    good = {**signed, "x-convoship-check": webhooks.second_check(SECRET)}
    Genesys(account()).validate_request(request(fixture("text"), headers=good))
    assert SECRET not in webhooks.second_check(SECRET)
    assert refused(request(fixture("text"), headers={**signed, "x-convoship-check": "x"})) == "header_wrong"


# --- The data action --------------------------------------------------------------------------------------------------


def acts(body: Any, secret: str | None = SECRET) -> Any:
    headers = {} if secret is None else {"x-convoship-secret": secret}
    asked = request(body, headers=headers, part="return")
    provider = Genesys(account())
    provider.validate_request(asked)
    return provider.parse_events(asked)[0]


async def test_a_flow_gives_a_conversation_back_or_ends_it() -> None:
    back = acts({"conversation_id": INTERACTION, "does": "return", "summary": "Refunded."})
    assert (back.address, back.says, back.text) == (INTERACTION, "returned", "Refunded.")
    assert back.copy_seconds
    assert acts({"conversation_id": INTERACTION, "does": "end"}).says == "closed"
    assert acts({"conversation_id": INTERACTION, "does": "end", "summary": None}).text == ""


async def test_a_data_action_has_the_secret_and_no_signature() -> None:
    body = {"conversation_id": INTERACTION, "does": "return"}
    assert refused(request(body, part="return")) == "signature_missing"
    assert refused(request(body, headers={"x-convoship-secret": "no"}, part="return")) == "signature_wrong"
    # The secret in a header opens the data action's address alone.
    assert refused(request(body, headers={"x-convoship-secret": SECRET})) == "signature_missing"


async def test_a_data_action_that_can_not_be_read_is_told_why() -> None:
    for body, field in (({"does": "return"}, "conversation_id"), ({"conversation_id": "c", "does": "x"}, "does")):
        with pytest.raises(BadEvent) as wrong:
            acts(body)
        assert field in json.dumps(dict(wrong.value.errors))
