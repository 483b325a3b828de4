"""ServiceNow's records: what is sent, what is read, and what is made of an instance that answers strangely."""

from __future__ import annotations

import dataclasses
import re
from typing import Any
from urllib.parse import unquote

import pytest

from channels_app.providers import oauth
from channels_app.providers.base import ProviderError
from channels_app.providers.servicenow import budget
from channels_app.providers.servicenow.api import Api
from channels_app.providers.servicenow.provider import Servicenow
from tests.channels.far_end import FarEnd, Said
from tests.channels.servicenow_instance import (
    AGENT,
    US,
    Desk,
    Instance,
    account,
    answer,
    error,
    make_case,
    message,
    page,
    vendor,
)

PAGE = "https://convoship.example/app/conversations/1/"


@pytest.fixture
def instance(far: FarEnd) -> Instance:
    oauth._kept.clear()
    budget._accounts.clear()
    return Instance(far)


def desk_of(instance: Instance, **config: Any) -> Desk:
    provider = Servicenow(account(f"http://127.0.0.1:{instance.end.port}", **config))
    return Desk(provider, make_case().key)


async def opened(instance: Instance, *messages: Any, **config: Any) -> tuple[Desk, Any]:
    desk, case = desk_of(instance, **config), make_case()
    desk.key = case.key
    said = list(messages) or [message("My laptop is broken")]
    await desk.send(*desk.provider.plan_opened(case, said, PAGE))
    return desk, case


def asked(instance: Instance) -> list[str]:
    return [f"{one.method} {one.path.partition('?')[0]}" for one in instance.end.seen]


# --- What is sent -----------------------------------------------------------------------------------------------------


async def test_a_case_is_an_incident_with_our_key_the_visitors_words_and_the_transcript(instance: Instance) -> None:
    said = [
        message("Hello", seq=1),
        message("Hi! How can I help?", "assistant", 2),
        message("My laptop is broken", seq=3),
    ]
    desk, case = await opened(instance, *said)
    (record,) = instance.tables["incident"]
    assert record["correlation_id"] == case.key
    assert record["correlation_display"] == "Convoship"
    assert record["contact_type"] == "chat"
    assert record["short_description"] == "My laptop is broken"
    assert PAGE in record["description"]
    assert instance.journal("comments") == ["Anna: My laptop is broken"]
    (note,) = instance.journal("work_notes")
    assert note.startswith("Handed over by Convoship.")
    assert "Assistant: Hi! How can I help?" in note
    assert desk.there is not None
    assert (desk.there.ref, desk.there.number) == (record["sys_id"], record["number"])
    assert desk.there.url.endswith(f"/nav_to.do?uri=incident.do%3Fsys_id%3D{record['sys_id']}")


async def test_an_incident_is_written_by_names_that_its_table_has(instance: Instance) -> None:
    desk, case = await opened(instance, on_end="resolve", assignment_group="a" * 32)
    await desk.send(*desk.provider.plan_turn(case, message("Hello?")))
    await desk.send(*desk.provider.plan_closed(case, "ended", "It ended."))
    has = set(vendor("incident_created")["result"])
    written = [one.json for one in instance.end.seen if one.method in {"POST", "PATCH"}]
    assert len(written) == 4
    assert {name for body in written for name in body} <= has
    assert all(isinstance(value, str) for body in written for value in body.values())


async def test_our_key_is_looked_for_before_anything_is_made(instance: Instance) -> None:
    await opened(instance)
    first = instance.end.seen[0]
    assert first.method == "GET"
    assert "sysparm_query=correlation_id=" in unquote(first.path)
    assert asked(instance)[1] == "POST /api/now/table/incident"


async def test_an_opening_whose_answer_was_lost_is_found_and_not_made_twice(instance: Instance) -> None:
    desk, case = desk_of(instance), make_case()
    desk.key = case.key
    (plan, *_) = desk.provider.plan_opened(case, [message("Help")], PAGE)
    instance.next = [None, Said(cut=True)]
    with pytest.raises(ProviderError) as lost:
        await desk.provider.send(desk.outgoing(plan))
    assert lost.value.ambiguous
    found = await desk.provider.look_up(desk.outgoing(plan))
    assert found is not None
    assert found.case is not None
    assert found.case.ref == instance.tables["incident"][0]["sys_id"]
    # And if nobody had asked, sending it again would have found it as well.
    again = await desk.provider.send(desk.outgoing(plan))
    assert again.case == found.case
    assert len(instance.tables["incident"]) == 1


async def test_an_opening_that_never_arrived_is_not_found(instance: Instance) -> None:
    desk, case = desk_of(instance), make_case()
    (plan, *_) = desk.provider.plan_opened(case, [message("Help")], PAGE)
    assert await desk.provider.look_up(desk.outgoing(plan)) is None


async def test_a_long_transcript_stands_in_several_notes_that_a_journal_takes(instance: Instance) -> None:
    said = [message(f"{number} " + "x" * 400, seq=number) for number in range(1, 60)]
    await opened(instance, *said)
    notes = instance.journal("work_notes")
    assert len(notes) > 5
    assert max(map(len, notes)) <= 4000
    assert all(any(f": {number} x" in note for note in notes) for number in range(1, 60))


async def test_what_the_visitor_says_has_their_name_and_is_no_html_there(instance: Instance) -> None:
    desk, case = await opened(instance)
    await desk.send(*desk.provider.plan_turn(case, message("[code]<script>x()</script>[/code]")))
    last = instance.journal("comments")[-1]
    assert last.startswith("Anna: ")
    assert "[code]" not in last
    assert "[/code]" not in last
    assert "<script>" in last


async def test_a_long_turn_is_cut_into_comments_and_nothing_of_it_is_lost(instance: Instance) -> None:
    desk, case = await opened(instance)
    words = " ".join(str(number) for number in range(3000))
    plans = desk.provider.plan_turn(case, message(words))
    assert len(plans) > 2
    await desk.send(*plans)
    told = "".join(one.removeprefix("Anna: ") for one in instance.journal("comments")[1:])
    assert told == words


async def test_turns_that_wait_go_as_one_comment(instance: Instance) -> None:
    desk, case = await opened(instance)
    (one,), (other,) = (desk.provider.plan_turn(case, message(text)) for text in ("One", "Two"))
    joined = desk.provider.join_turns(one.content, other.content)
    assert joined is not None
    await desk.send(dataclasses.replace(one, content=joined))
    assert instance.journal("comments")[-1] == "Anna: One\nAnna: Two"
    assert desk.provider.join_turns(one.content, {"note": "n"}) is None


async def test_what_a_program_says_is_a_work_note(instance: Instance) -> None:
    desk, case = await opened(instance)
    await desk.send(*desk.provider.plan_turn(case, message("Your parcel left", "agent", author_name="Shop")))
    assert instance.journal("work_notes")[-1] == "Shop wrote to the visitor: Your parcel left"


async def test_a_file_is_attached_once_though_its_comment_is_sent_again(instance: Instance) -> None:
    desk, case = await opened(instance)
    desk.files["f1"] = b"%PDF-1.7"
    file = {"id": "f1", "name": "plan 1.pdf", "size": 8, "content_type": "application/pdf"}
    (plan,) = desk.provider.plan_turn(case, message("See", attachments=[file]))
    # The file arrives, the comment does not.
    instance.next = [None, None, error(500, "Internal error")]
    with pytest.raises(ProviderError):
        await desk.provider.send(desk.outgoing(plan))
    assert await desk.provider.look_up(desk.outgoing(plan)) is None
    await desk.send(plan)
    (attached,) = instance.tables["sys_attachment"]
    upload = next(one for one in instance.end.seen if one.path.startswith("/api/now/attachment/file"))
    assert upload.headers["content-type"] == "application/pdf"
    assert upload.body == b"%PDF-1.7"
    assert "file_name=plan%201.pdf" in upload.path
    assert attached["file_name"] == "plan 1.pdf"
    assert instance.journal("comments")[-1] == "Anna: See\n[file: plan 1.pdf]"


async def test_a_file_that_is_not_taken_is_named_and_its_words_go_on(instance: Instance) -> None:
    desk, case = await opened(instance)
    desk.files["f1"] = b"MZ"
    file = {"id": "f1", "name": "run.exe", "size": 2, "content_type": "application/x-msdownload"}
    instance.next = [None, error(400, "Invalid file type")]
    await desk.send(*desk.provider.plan_turn(case, message("See", attachments=[file])))
    assert "[file run.exe stands in the conversation only:" in instance.journal("comments")[-1]


@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_files_name_is_no_html_there(instance: Instance, is_taken: bool) -> None:
    desk, case = await opened(instance)
    desk.files["f1"] = b"%PDF-1.7"
    name = "[code]<img src=https://evil.example>[/code].pdf"
    file = {"id": "f1", "name": name, "size": 8, "content_type": "application/pdf"}
    (plan,) = desk.provider.plan_turn(case, message("", attachments=[file]))
    instance.next = [] if is_taken else [None, error(400, "Invalid file type")]
    await desk.send(plan)
    last = instance.journal("comments")[-1]
    assert "<img src=https://evil.example>" in last
    assert "[code]" not in last
    assert "[/code]" not in last
    assert "[\N{ZERO WIDTH SPACE}code]" in last


async def test_the_end_is_a_work_note_and_the_record_stays_as_it_is(instance: Instance) -> None:
    desk, case = await opened(instance)
    await desk.send(*desk.provider.plan_closed(case, "by_visitor", "The visitor went back to the assistant."))
    assert instance.journal("work_notes")[-1].startswith("Convoship: The visitor went back to the assistant.")
    assert instance.tables["incident"][0]["state"] == "1"


async def test_where_it_is_wished_the_end_resolves_with_a_code_and_notes(instance: Instance) -> None:
    desk, case = await opened(instance, on_end="resolve", close_code="Solved")
    await desk.send(*desk.provider.plan_closed(case, "ended", "The conversation ended."))
    (record,) = instance.tables["incident"]
    assert (record["state"], record["close_code"]) == ("6", "Solved")
    assert record["close_notes"].startswith("Convoship: The conversation ended.")


async def test_a_state_that_the_instance_forbids_is_said_in_the_note(instance: Instance) -> None:
    desk, case = await opened(instance, on_end="resolve")
    instance.next = [error(403, "Operation Failed", "Data Policy Exception: The following fields are mandatory")]
    await desk.send(*desk.provider.plan_closed(case, "ended", "It ended."))
    assert "could not resolve the record" in instance.journal("work_notes")[-1]
    assert instance.tables["incident"][0]["state"] == "1"


async def test_a_reply_that_reached_nobody_is_said_beside_it(instance: Instance) -> None:
    desk, case = await opened(instance)
    await desk.send(*desk.provider.plan_undelivered(case, "journal:1", "Are you there?", "The conversation has ended."))
    assert "did not reach the visitor. The conversation has ended." in instance.journal("work_notes")[-1]


async def test_a_comment_whose_answer_was_lost_is_known_by_its_words(instance: Instance) -> None:
    desk, case = await opened(instance)
    await desk.send(*desk.provider.plan_turn(case, message("ok")))
    (plan,) = desk.provider.plan_turn(case, message("ok"))
    # The one that is known does not stand for the one that is sought.
    assert await desk.provider.look_up(desk.outgoing(plan)) is None
    instance.next = [Said(cut=True)]
    with pytest.raises(ProviderError) as lost:
        await desk.provider.send(desk.outgoing(plan))
    assert lost.value.ambiguous
    found = await desk.provider.look_up(desk.outgoing(plan))
    assert found is not None
    desk.keep(found)
    assert instance.journal("comments").count("Anna: ok") == 2
    assert await desk.look() == []


async def test_the_words_of_an_agent_are_not_taken_for_a_comment_of_ours(instance: Instance) -> None:
    desk, case = await opened(instance)
    assert desk.there is not None
    (plan,) = desk.provider.plan_turn(case, message("ok"))
    instance.write(desk.there.ref, "comments", "Anna: ok", AGENT)
    assert await desk.provider.look_up(desk.outgoing(plan)) is None


async def test_nothing_is_added_to_a_record_that_was_never_made(instance: Instance) -> None:
    desk, case = desk_of(instance), make_case()
    with pytest.raises(ProviderError) as refused:
        await desk.send(*desk.provider.plan_turn(case, message("Hello")))
    assert refused.value.permanent
    assert not refused.value.stops


async def test_an_interaction_has_a_type_and_no_description_and_another_table_the_name_that_was_set(
    instance: Instance,
) -> None:
    await opened(instance, mode="interaction")
    (record,) = instance.tables["interaction"]
    assert (record["type"], record.get("description", "")) == ("chat", "")
    await opened(instance, table="sn_customerservice_case")
    assert len(instance.tables["sn_customerservice_case"]) == 1
    assert "incident" not in instance.tables


async def test_a_group_is_found_by_its_name(instance: Instance) -> None:
    instance.tables["sys_user_group"] = [{"sys_id": "a" * 32, "name": "Service Desk"}]
    await opened(instance, assignment_group="Service Desk")
    assert instance.tables["incident"][0]["assignment_group"] == "a" * 32
    with pytest.raises(ProviderError, match="no group “Nobody”"):
        await opened(instance, assignment_group="Nobody")


async def test_a_table_that_does_not_keep_our_key_is_named(instance: Instance) -> None:
    instance.ignores = frozenset({"correlation_id"})
    with pytest.raises(ProviderError, match="did not keep the field “correlation_id”") as lacking:
        await opened(instance)
    # What was made for nothing is named, and says so to whoever opens it.
    (record,) = instance.tables["incident"]
    assert f"{record['number']} was made all the same" in lacking.value.words
    assert "reaches nobody: close it" in instance.journal("work_notes")[-1]
    # What waited for the connection would make a record at every try.
    assert lacking.value.permanent
    assert not lacking.value.stops
    # Once it has rows, a query by a field that isn't there answers with any of them, and nothing is made.
    with pytest.raises(ProviderError, match="correlation_id") as known:
        await opened(instance)
    assert known.value.stops
    assert len(instance.tables["incident"]) == 1


async def test_a_table_that_is_not_there_stops_the_connection(instance: Instance) -> None:
    instance.next = [error(400, "Invalid table incidents")]
    with pytest.raises(ProviderError, match="Invalid table incidents") as failed:
        await opened(instance, table="incidents")
    assert failed.value.stops
    assert "System Definition" in failed.value.remedy


# --- The same conversation again --------------------------------------------------------------------------------------


async def again(instance: Instance, before: Desk, *messages: Any) -> Desk:
    case = make_case()
    desk = Desk(before.provider, case.key, earlier=before.there, sent=list(before.sent))
    await desk.send(*desk.provider.plan_opened(case, list(messages) or [message("It broke again")], PAGE))
    return desk


async def test_an_earlier_record_that_is_open_goes_on(instance: Instance) -> None:
    first, _ = await opened(instance)
    instance.tables["incident"][0]["state"] = "3"
    second = await again(instance, first)
    (record,) = instance.tables["incident"]
    assert record["correlation_id"] == second.key
    assert record["state"] == "2"
    assert "Anna: It broke again" in instance.journal("comments")
    assert second.there is not None
    assert second.there.ref == record["sys_id"]
    assert await second.look() == []


@pytest.mark.parametrize("state", ["6", "7", "8"])
async def test_an_earlier_incident_that_is_over_is_named_in_a_new_one(instance: Instance, state: str) -> None:
    first, _ = await opened(instance)
    instance.tables["incident"][0]["state"] = state
    await again(instance, first)
    old, new = instance.tables["incident"]
    assert new["description"].startswith(f"It goes on from {old['number']}.")
    assert old["state"] == state


async def test_an_earlier_record_that_was_deleted_is_followed_by_a_new_one(instance: Instance) -> None:
    first, _ = await opened(instance)
    instance.tables["incident"].clear()
    second = await again(instance, first)
    assert second.there is not None
    assert first.there is not None
    assert second.there.ref != first.there.ref


async def test_a_record_that_was_taken_up_and_whose_answer_was_lost_is_found(instance: Instance) -> None:
    first, _ = await opened(instance)
    case = make_case()
    second = Desk(first.provider, case.key, earlier=first.there, sent=list(first.sent))
    (plan, *_) = first.provider.plan_opened(case, [message("Again")], PAGE)
    instance.next = [None, None, Said(cut=True)]
    with pytest.raises(ProviderError):
        await first.provider.send(second.outgoing(plan))
    found = await first.provider.look_up(second.outgoing(plan))
    assert found is not None
    assert found.case is not None
    assert first.there is not None
    assert found.case.ref == first.there.ref
    assert instance.journal("comments").count("Anna: Again") == 1


# --- What agents do ---------------------------------------------------------------------------------------------------


async def test_our_own_words_come_back_to_nobody(instance: Instance) -> None:
    desk, case = await opened(instance)
    await desk.send(*desk.provider.plan_turn(case, message("Hello?")))
    assert await desk.look() == []


async def test_our_own_words_are_known_though_another_user_is_said_to_have_written_them(instance: Instance) -> None:
    desk, _ = await opened(instance)
    for row in instance.tables["sys_journal_field"]:
        row["sys_created_by"] = "system"
    assert await desk.look() == []


async def test_a_comment_is_a_message_with_the_agents_name_and_is_told_once(instance: Instance) -> None:
    desk, _ = await opened(instance)
    assert desk.there is not None
    sys_id = instance.write(
        desk.there.ref,
        "comments",
        "Try [code]<b>turning</b> it off<br>and <a href='https://kb.example/1'>on</a><script>x</script>[/code]",
    )
    assert await desk.look() == [("message", "Beth Anglin", "Try turning it off\nand on (https://kb.example/1)")]
    assert desk.events[0].key == f"journal:{sys_id}"
    assert desk.events[0].address == desk.there.ref
    assert await desk.look() == []


async def test_comments_are_told_in_their_order_and_work_notes_to_nobody(instance: Instance) -> None:
    desk, _ = await opened(instance)
    assert desk.there is not None
    for element, text in (("comments", "One"), ("work_notes", "She sounds cross"), ("comments", "Two")):
        instance.write(desk.there.ref, element, text)
    assert [text for _, _, text in await desk.look()] == ["One", "Two"]


async def test_more_comments_than_fit_on_a_page_are_all_told(instance: Instance) -> None:
    desk, _ = await opened(instance)
    assert desk.there is not None
    for number in range(120):
        instance.write(desk.there.ref, "comments", str(number))
    assert [text for _, _, text in await desk.look()] == [str(number) for number in range(120)]
    assert await desk.look() == []


async def test_a_comment_that_was_committed_late_is_told_though_younger_ones_were(instance: Instance) -> None:
    desk, _ = await opened(instance)
    assert desk.there is not None
    late = instance.now()
    instance.write(desk.there.ref, "comments", "Second")
    await desk.look()
    instance.write(desk.there.ref, "comments", "First", AGENT, late)
    assert [text for _, _, text in await desk.look()] == ["First"]


async def test_rows_of_other_records_are_left_alone(instance: Instance) -> None:
    desk, _ = await opened(instance)
    instance.write("b" * 32, "comments", "Another record")
    # An instance passes over a condition that it does not understand.
    instance.passes_over = frozenset({"element_id"})
    assert await desk.look() == []


async def test_whom_it_is_assigned_to_has_accepted_it(instance: Instance) -> None:
    desk, _ = await opened(instance)
    record = instance.tables["incident"][0]
    instance.update("incident", record, {"assigned_to": AGENT}, AGENT)
    assert await desk.look() == [("accepted", "Beth Anglin", "")]
    assert await desk.look() == []


async def test_a_work_note_that_begins_with_bot_gives_it_back(instance: Instance) -> None:
    desk, _ = await opened(instance)
    assert desk.there is not None
    instance.write(desk.there.ref, "work_notes", "/bot She got a new charger.")
    instance.tables["incident"][0]["state"] = "6"
    assert await desk.look() == [("returned", "Beth Anglin", "She got a new charger.")]
    instance.write(desk.there.ref, "work_notes", "/bottom of the page")
    assert await desk.look() == []


@pytest.mark.parametrize(
    ("config", "table", "change"),
    [
        ({}, "incident", {"state": "6"}),
        ({}, "incident", {"state": "8"}),
        ({"mode": "interaction"}, "interaction", {"state": "closed_abandoned"}),
        ({"table": "sc_task"}, "sc_task", {"active": "false"}),
    ],
)
async def test_a_record_that_is_over_ends_the_conversation(
    instance: Instance, config: dict[str, str], table: str, change: dict[str, str]
) -> None:
    desk, _ = await opened(instance, **config)
    instance.update(table, instance.tables[table][0], {**change, "assigned_to": AGENT}, AGENT)
    assert await desk.look() == [("accepted", "Beth Anglin", ""), ("closed", "Beth Anglin", "")]
    assert await desk.look() == []


async def test_a_record_that_is_gone_can_take_the_case_no_more(instance: Instance) -> None:
    desk, _ = await opened(instance)
    instance.tables["incident"].clear()
    ((says, _, words),) = await desk.look()
    assert says == "unavailable"
    assert "is not at ServiceNow any more" in words


async def test_a_file_that_was_attached_stays_there_and_is_only_named_among_events(instance: Instance) -> None:
    desk, _ = await opened(instance)
    assert desk.there is not None
    instance.write(desk.there.ref, "comments", "See the form")
    row = {**vendor("attached")["result"], "table_sys_id": desk.there.ref, "sys_created_on": instance.now()}
    instance.tables["sys_attachment"] = [{**row, "sys_created_by": AGENT}]
    seen = [text for _, _, text in await desk.look()]
    assert seen == ["See the form", "the file “Issue_screenshot” was attached; the visitor isn't shown it"]
    instance.write(desk.there.ref, "comments", "Well?")
    assert [text for _, _, text in await desk.look()] == ["Well?"]


# --- How often it is looked -------------------------------------------------------------------------------------------


async def test_it_is_looked_at_every_ten_seconds_while_people_write_and_more_seldom_when_quiet(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, _ = await opened(instance, poll="yes")
    assert desk.there is not None
    assert Servicenow.first_look(desk.provider.account.config) == 7
    instance.write(desk.there.ref, "comments", "Hi")
    await desk.look()
    assert desk.again == 10
    monkeypatch.setattr("time.time", lambda: 1e11)
    await desk.look()
    assert desk.again == 60


async def test_where_the_business_rule_tells_it_is_looked_at_seldom(instance: Instance) -> None:
    desk, _ = await opened(instance)
    assert Servicenow.first_look(desk.provider.account.config) == 30
    await desk.look()
    assert desk.again == 60


async def test_many_cases_share_what_an_hour_allows(instance: Instance) -> None:
    desk, _ = await opened(instance, poll="yes")
    for number in range(99):
        budget.again(desk.provider.account.connection_id, str(number), 10, 2)
    await desk.look()
    # A hundred cases with two requests each, and 3,600 requests an hour.
    assert desk.again == 200


async def test_a_limit_that_the_instance_names_slows_the_looks(instance: Instance) -> None:
    desk, _ = await opened(instance, poll="yes")
    connection = desk.provider.account.connection_id
    budget.note(connection, {"x-ratelimit-limit": "200"})
    # Half of 200 an hour, two requests a look.
    assert budget.again(connection, "one", 10, 2) == pytest.approx(72)
    budget.note(connection, {"x-ratelimit-limit": "100000", "x-ratelimit-remaining": "10", "x-ratelimit-reset": "x"})
    assert budget.again(connection, "one", 10, 2) == 10


async def test_a_small_remainder_lasts_until_the_limit_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    told = {"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "40", "x-ratelimit-reset": "1001800"}
    own = account().connection_id
    budget.note(own, told)
    assert budget.again(own, "one", 10, 2) == pytest.approx(180)


# --- What goes wrong --------------------------------------------------------------------------------------------------


async def failing(instance: Instance, said: Said) -> ProviderError:
    desk, case = desk_of(instance), make_case()
    (plan, *_) = desk.provider.plan_opened(case, [message("Help")], PAGE)
    instance.next = [None, said]
    with pytest.raises(ProviderError) as failed:
        await desk.provider.send(desk.outgoing(plan))
    return failed.value


async def test_an_instance_that_is_asked_too_often_is_left_alone_for_as_long_as_it_says(instance: Instance) -> None:
    failed = await failing(instance, answer(vendor("rate_limited"), 429, **{"Retry-After": "75"}))
    assert (failed.retry_after, failed.permanent, failed.ambiguous) == (75, False, False)
    assert "Rate limit of 100 requests per hour" in failed.words


async def test_refused_credentials_stop_the_connection_with_where_to_look(instance: Instance) -> None:
    failed = await failing(instance, error(401, "User Not Authenticated", "Required to provide Auth information"))
    assert failed.stops
    assert "System Security" in failed.remedy


async def test_missing_rights_stop_the_connection_and_name_the_role(instance: Instance) -> None:
    failed = await failing(instance, error(403, "Operation Failed", "ACL Exception Insert Failed"))
    assert failed.stops
    assert "sn_incident_write" in failed.remedy
    assert "ACL Exception" in failed.words


async def test_a_broken_instance_leaves_it_open_whether_it_was_taken(instance: Instance) -> None:
    failed = await failing(instance, error(500, "Transaction cancelled: maximum execution time exceeded"))
    assert failed.ambiguous
    assert not failed.permanent


async def test_a_sleeping_instance_is_recognised_and_has_taken_nothing(instance: Instance) -> None:
    failed = await failing(instance, page("Your instance is hibernating. Hibernating Instance"))
    assert "sleeps" in failed.words
    assert "developer.servicenow.com" in failed.remedy
    assert not failed.ambiguous
    assert not failed.permanent


async def test_a_page_in_the_place_of_json_is_no_answer(instance: Instance) -> None:
    failed = await failing(instance, page("Log in"))
    assert "no JSON" in failed.words
    assert failed.ambiguous


async def test_a_redirect_to_a_sign_in_is_not_followed(instance: Instance) -> None:
    failed = await failing(instance, Said(302, {"Location": "https://login.example/"}, b""))
    assert failed.permanent
    assert "leads elsewhere" in failed.words


async def test_a_record_that_is_gone_takes_no_turn(instance: Instance) -> None:
    desk, case = await opened(instance)
    instance.tables["incident"].clear()
    with pytest.raises(ProviderError) as failed:
        await desk.send(*desk.provider.plan_turn(case, message("Hello?")))
    assert failed.value.permanent
    assert failed.value.http_status == 404


# --- Signing in -------------------------------------------------------------------------------------------------------

CLIENT = {"client_id": "id", "client_secret": "secret", "webhook_secret": "s"}


async def test_an_oauth_application_is_asked_for_a_token_once_and_who_we_are_is_learned(instance: Instance) -> None:
    done, tokens = instance.say, []

    def say(seen: Any) -> Said:
        if seen.path == "/oauth_token.do":
            tokens.append(seen.body)
            return answer({"access_token": f"t{len(tokens)}", "token_type": "Bearer", "expires_in": 1799})
        assert seen.headers["authorization"] == f"Bearer t{len(tokens)}"
        return done(seen)

    instance.end.answers = say
    desk, case = Desk(Servicenow(account(f"http://127.0.0.1:{instance.end.port}", CLIENT)), ""), make_case()
    desk.key = case.key
    await desk.send(*desk.provider.plan_opened(case, [message("Help")], PAGE))
    assert tokens == [b"grant_type=client_credentials&client_id=id&client_secret=secret"]
    assert desk.there is not None
    assert desk.there.about["user"] == US
    assert await desk.look() == []


async def test_a_token_that_was_taken_back_is_got_anew_once(instance: Instance) -> None:
    done, tokens = instance.say, []

    def say(seen: Any) -> Said:
        if seen.path == "/oauth_token.do":
            tokens.append(1)
            return answer({"access_token": f"t{len(tokens)}", "expires_in": 1799})
        return done(seen) if seen.headers["authorization"] == "Bearer t2" else error(401, "User Not Authenticated")

    instance.end.answers = say
    desk, case = Desk(Servicenow(account(f"http://127.0.0.1:{instance.end.port}", CLIENT)), ""), make_case()
    await desk.send(*desk.provider.plan_opened(case, [message("Help")], PAGE))
    assert len(tokens) == 2
    assert len(instance.tables["incident"]) == 1


async def test_an_application_that_is_refused_is_told_of_the_property(instance: Instance) -> None:
    instance.end.answers = lambda seen: answer({"error": "unauthorized_client", "error_description": "No grant"}, 401)
    provider = Servicenow(account(f"http://127.0.0.1:{instance.end.port}", CLIENT))
    health = await provider.check()
    assert not health.is_good
    assert "client.credential.grant_type.enabled" in health.findings[0].remedy


async def test_a_sign_in_that_answers_without_a_token_is_said_and_not_sent_on(instance: Instance) -> None:
    instance.end.answers = lambda seen: answer({"token_type": "Bearer", "expires_in": 1799})
    provider = Servicenow(account(f"http://127.0.0.1:{instance.end.port}", CLIENT))
    assert "ServiceNow answered the sign-in without a token." in words(await provider.check())
    assert {seen.path for seen in instance.end.seen} == {"/oauth_token.do"}


# --- Test -------------------------------------------------------------------------------------------------------------


def words(health: Any) -> str:
    return " ".join(f"{'+' if one.is_good else '-'}{one.words}" for one in health.findings)


async def test_the_test_says_who_we_are_and_makes_and_closes_a_record(instance: Instance) -> None:
    desk = desk_of(instance)
    health = await desk.provider.check()
    assert health.is_good, words(health)
    assert "they act as Convoship." in words(health)
    (record,) = instance.tables["incident"]
    assert record["state"] == "6"
    assert record["correlation_display"] != "Convoship"
    assert re.search(r"The test record \S+ was made and closed\.", words(health))


async def test_the_test_says_what_a_user_without_rights_can_not_do(instance: Instance) -> None:
    desk = desk_of(instance)
    done = instance.say
    instance.end.answers = lambda seen: answer({"result": []}) if "sys_journal_field" in seen.path else done(seen)
    health = await desk.provider.check()
    (bad,) = [one for one in health.findings if not one.is_good]
    assert "can't be read back" in bad.words
    assert "sys_journal_field" in bad.remedy


async def test_the_test_names_the_field_that_is_not_kept(instance: Instance) -> None:
    instance.ignores = frozenset({"correlation_id"})
    assert "-The table incident at ServiceNow did not keep the field “correlation_id”" in words(
        await desk_of(instance).provider.check()
    )


async def test_the_test_says_when_a_record_can_not_be_closed(instance: Instance) -> None:
    done = instance.say
    refuse = error(403, "Operation Failed", "Data Policy Exception")
    instance.end.answers = lambda seen: refuse if seen.method == "PATCH" else done(seen)
    health = await desk_of(instance).provider.check()
    (bad,) = [one for one in health.findings if not one.is_good]
    assert "could not be closed" in bad.words
    assert "resolution code" in bad.remedy


@pytest.mark.parametrize(("active", "seen"), [("true", "+The business rule “Ours” calls"), ("false", "is not active")])
async def test_the_test_sees_the_business_rule_where_it_may(instance: Instance, active: str, seen: str) -> None:
    desk = desk_of(instance)
    *_, script = desk.provider.to_paste()
    instance.tables["sys_script"] = [{"sys_id": "c" * 32, "name": "Ours", "active": active, "script": script.text}]
    assert seen in words(await desk.provider.check())
    instance.tables["sys_script"] = []
    assert "can't be seen" in words(await desk.provider.check())


async def test_the_test_recognises_a_sleeping_instance(instance: Instance) -> None:
    instance.end.answers = lambda seen: page("Hibernating Instance")
    health = await desk_of(instance).provider.check()
    assert "sleeps" in health.findings[0].words


def test_what_is_asked_for_names_no_host_but_the_instances() -> None:
    assert Api(account()).base == "https://acme.service-now.com"
    assert Api(account(instance="acme.servicenowservices.com")).base == "https://acme.servicenowservices.com"
