"""What every refusal says: which field, what is wrong, and what to do."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest

from convoship.lib.problems import HINT_OF_CODE, STATUS_OF_CODE, Problem, as_json_response
from tests import factories
from tests.api.conftest import Program, program

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("code", STATUS_OF_CODE)
def test_every_code_has_a_hint_that_says_what_to_do(code: str) -> None:
    document = Problem(code, "This is wrong.").body()
    assert re.fullmatch(r"[A-Z].{12,}\.", document["hint"])
    assert document["hint"] != document["detail"]
    assert document["title"] == HTTPStatus(STATUS_OF_CODE[code]).phrase
    assert Problem(code, "This is wrong.", hint="Nearer.").body()["hint"] == "Nearer."
    assert as_json_response(Problem(code, "x")).reason_phrase == HTTPStatus(STATUS_OF_CODE[code]).phrase


def test_no_hint_is_of_a_code_that_is_not_there() -> None:
    assert set(HINT_OF_CODE) == set(STATUS_OF_CODE)


def test_refusals_at_the_door_carry_hints() -> None:
    caller = program()
    assistant = factories.make_assistant(caller.workspace)
    reader = program(("assistants:read",), caller.workspace)
    refused = [
        Program(caller.workspace, None).get("/assistants"),
        reader.post("/assistants", {"name": "Ada"}),
        caller.get("/assistants/00000000-0000-4000-8000-000000000000"),
        caller.get("/nothing-here"),
        caller.call("DELETE", "/assistants"),
        caller.get("/assistants", Accept="image/png"),
        caller.post("/assistants", b"{"),
        caller.post("/assistants", []),
        caller.post("/assistants", {}),
        caller.post("/assistants", {"name": 5}),
        caller.patch(f"/assistants/{assistant.id}", {"scripted": {"welcom": {}}}),
        caller.get("/assistants?limit=0"),
        caller.post("/assistants", b'{"name": "' + b"x" * 300_000 + b'"}'),
    ]
    assert {answer.status_code for answer in refused} == {401, 403, 404, 405, 406, 413, 422}
    for answer in refused:
        assert re.fullmatch(r"[A-Z].{12,}\.", answer.data["hint"]), answer.data
        assert answer.data["title"] == HTTPStatus(answer.status_code).phrase
