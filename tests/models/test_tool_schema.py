"""What arguments of tools may be described by; checking them takes no time, whatever a customer or a model says."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest

from deployments.responders import tool_schema

SECONDS = 2.0


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def nested(depth: int) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        part = of(a=part)
    return part


@pytest.mark.parametrize(
    "schema",
    [
        of(number={"type": "string", "pattern": r"^[A-Z]{2}-\d{4,8}$", "description": "the order's"}),
        of(name={"type": "string", "pattern": r"^\p{L}+$"}),
        of(when={"type": "string", "format": "date"}, pattern={"type": "string"}),
        {
            **of(tags={"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}),
            "additionalProperties": True,
        },
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **of(a={"anyOf": [{"const": 1}, {"type": "null"}]}),
        },
        {"type": "object", "patternProperties": {"^x_": {"type": "integer"}}},
    ],
)
def test_what_tools_are_described_by_is_taken(schema: dict[str, Any]) -> None:
    assert tool_schema.fault(schema) == ""


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (of(a={"pattern": r"^(?=a)a$"}), "look-ahead"),
        (of(a={"pattern": r"(a)\1"}), "use enum, minLength and maxLength"),
        (of(a={"pattern": "((((x{100}){9}){9}){9})"}), "can't be used"),
        (of(a={"pattern": "a" * 201}), "too long"),
        (of(a={"pattern": "\ud800"}), "can't be used"),
        (of(a={"pattern": 7}), "no JSON Schema"),
        ({"type": "object", "patternProperties": {"(a": {}}}, "can't be used"),
        (of(**{f"a{number}": {"pattern": "a"} for number in range(21)}), "too many patterns"),
        (of(**{f"a{number}": {} for number in range(200)}), "too many parts"),
        (nested(10), "too deep"),
        (nested(2_000), "too"),
        (of(a={"enum": ["a" * 9_000]}), "too long"),
        (of(a={"$ref": "#"}), "References"),
        (of(a={"$recursiveRef": "#"}), "$recursiveRef can't be used"),
        ({**of(), "unevaluatedProperties": False}, "unevaluatedProperties can't be used"),
        ({"type": "array"}, "begin with"),
    ],
)
def test_what_could_take_long_is_refused_with_what_to_write_instead(schema: dict[str, Any], words: str) -> None:
    assert words in tool_schema.fault(schema)


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (of(a={"pattern": r"^(\w+\s?)*$"}), {"a": "a" * 29 + "!"}),
        ({"type": "object", "patternProperties": {r"^(\w+\s?)*$": {}}}, {"a" * 29 + "!": 1}),
        # Another draft's validator within, which matches for itself.
        (
            of(a={"$schema": "http://json-schema.org/draft-07/schema#", "pattern": r"^(\w+\s?)*$"}),
            {"a": "a" * 29 + "!"},
        ),
    ],
)
def test_a_pattern_takes_no_time_whatever_it_is_held_against(schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    began = time.monotonic()
    assert tool_schema.wrongs(schema, arguments)
    assert time.monotonic() - began < SECONDS


def test_a_pattern_of_before_that_is_not_understood_is_not_run() -> None:
    with pytest.raises(tool_schema.NotChecked, match="can't be used"):
        tool_schema.wrongs(of(a={"pattern": r"^(?=(\w+\s?)*$)x"}), {"a": "a" * 29 + "!"})


LIST = {"type": "array", "items": {"anyOf": [{"const": number} for number in range(150)]}}


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (of(a=LIST), {"a": [0] * 7_000}),
        (of(a=LIST), {"a": ["x" * 500] * 30}),
        (of(a={"allOf": [{"items": {"items": {"enum": list(range(500))}}}] * 40}), {"a": [[-1] * 100] * 70}),
        (of(a={"contains": {"const": 1}, "items": {"not": {"anyOf": [LIST] * 20}}}), {"a": [[2] * 10] * 300}),
    ],
)
def test_what_is_too_much_to_check_is_not_checked_to_its_end(schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    began = time.monotonic()
    with pytest.raises(tool_schema.NotChecked):
        tool_schema.wrongs(schema, arguments)
    assert time.monotonic() - began < SECONDS


def test_a_list_of_different_things_is_looked_through_once() -> None:
    schema, began = of(a={"uniqueItems": True}), time.monotonic()
    assert tool_schema.wrongs(schema, {"a": [[number] for number in range(5_000)]}) == {}
    assert tool_schema.wrongs(schema, {"a": [{"x": 1, "y": 2}, {"y": 2, "x": 1}]})["a"]
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize(
    "arguments", ['{"a": 1e400}', '{"a": ' + "9" * 400 + "}", '{"a": ' + "[" * 400 + "]" * 400 + "}"]
)
def test_numbers_and_depths_beyond_measure_break_nothing(arguments: str) -> None:
    schema = of(a={"multipleOf": 0.1, "maximum": 3, "items": {"type": "string"}})
    with suppress(tool_schema.NotChecked):
        assert tool_schema.wrongs(schema, json.loads(arguments))


def test_what_more_is_taken_is_the_schemas_to_say() -> None:
    schema = of(a={"type": "string"})
    assert tool_schema.wrongs(schema, {"a": "x", "b": 1}) == {"b": ["This key isn't known. Take it out."]}
    assert tool_schema.wrongs({**schema, "additionalProperties": True}, {"a": "x", "b": 1}) == {}
    assert tool_schema.wrongs({**schema, "additionalProperties": {"type": "integer"}}, {"b": "x"}) == {
        "b": ["This must be a whole number."]
    }
    assert tool_schema.wrongs({**schema, "patternProperties": {"^b": {}}}, {"b": "x"}) == {}
