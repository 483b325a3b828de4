"""What members read of an answer that did not come to its end."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import conversations, stopping, writing
from deployments.conversations import NewMessage
from deployments.models import Conversation, Turn
from deployments.models.conversation import Stop
from tests import factories
from tests.pages.conftest import Browser, text
from workspaces.models import Workspace


def answered(workspace: Workspace, status: str, reason: str, stop: str = "") -> Conversation:
    conversation = factories.start_session(factories.make_deployment(workspace)).session.conversation
    with tenant(workspace.id):
        held = conversations.lock(conversation.id)
        asked = conversations.post_message(held, NewMessage(author_kind="visitor", text="tell me", status="received"))
        conversations.post_message(
            held, NewMessage(author_kind="assistant", text="Once upon", status=status, reason=reason)
        )
        Turn.objects.create(
            conversation=held,
            message=asked,
            seq=asked.seq,
            status="done",
            stop=stop,
            reason=reason if stop else "",
            trace={"stopped": stop} if stop else {},
            finished_at=timezone.now(),
        )
    return conversation


def page_of(member: Browser, conversation: Conversation) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", text(member.get(f"/app/conversations/{conversation.id}/")))


@pytest.mark.parametrize("why", list(Stop))
def test_a_stopped_answer_says_so_and_by_whom(member: Browser, workspace: Workspace, why: Stop) -> None:
    page = re.sub(" +", " ", page_of(member, answered(workspace, "sent", why.label, why)))
    assert f"Cut short {why.label}" in page
    assert why.label in page
    assert "Answer stopped" not in page
    assert "Not delivered" not in page


def test_a_text_that_a_dead_process_left_is_cut_off_and_not_undelivered(member: Browser, workspace: Workspace) -> None:
    page = re.sub(" +", " ", page_of(member, answered(workspace, "failed", writing.CUT)))
    assert f"Cut off {writing.CUT}" in page
    assert "Not delivered" not in page


def test_what_ends_a_conversation_marks_what_is_still_to_be_answered(workspace: Workspace, db: None) -> None:
    conversation = factories.start_session(factories.make_deployment(workspace)).session.conversation
    with tenant(workspace.id):
        held = conversations.lock(conversation.id)
        asked = conversations.post_message(held, NewMessage(author_kind="visitor", text="tell me", status="received"))
        turn = Turn.objects.create(conversation=held, message=asked, seq=asked.seq)
        conversations.end(held, "completed", "It is over.", "")
        turn.refresh_from_db()
        assert (turn.stop, turn.leased_until) == ("ended", None)
        assert stopping.want(held, Stop.VISITOR) is False
