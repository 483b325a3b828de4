"""How well passages are found: the figure that is promised, on questions that nothing was tuned to."""

from __future__ import annotations

import io

from django.core.management import call_command

from convoship.management.commands.knowledge_recall import GOAL, measured
from deployments.knowledge import recall


def test_the_questions_are_a_hundred_and_each_is_answered_by_one_place_of_its_body() -> None:
    asked = recall.questions("held_out")
    assert len(asked) == len({one.asked for one in asked}) == 100
    assert not {one.asked for one in asked} & {one.asked for one in recall.questions("tuning")}
    for one in asked + recall.questions("tuning"):
        document = (recall.FOLDER / one.body / one.document).read_text(encoding="utf-8")
        assert document.count(one.says) == 1, one


def test_of_the_questions_that_nothing_was_tuned_to_85_in_100_find_their_answer_among_five(db: None) -> None:
    asked, quoted, for_nothing = measured("held_out")
    missed = [one.question.asked for one in asked if one.place is None]
    assert recall.recall(asked) >= GOAL, missed
    # What a script quotes by itself is right far more often than not, and it says nothing to what has no answer.
    assert sum(quoted) / len(quoted) >= 0.75
    assert len(quoted) >= 30
    assert for_nothing <= 4


def test_the_command_prints_the_figures(db: None) -> None:
    out = io.StringIO()
    call_command("knowledge_recall", stdout=out)
    assert "100 questions" in out.getvalue()
    assert "recall@5 0." in out.getvalue()
