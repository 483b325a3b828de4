"""The JSON Schema of a tool's arguments: a customer's own, held against what a model wrote at a stranger's wish.

Neither of the two is ours, so neither may buy itself time. A pattern is matched by RE2, in linear time, and by nothing
else; checking takes so many steps and no more (`MOST_STEPS`); and of a schema only the keywords are used that are known
to end (`_KEYWORDS`): not a reference, nor what would look at a value again and again. What a schema may be is checked
before it is kept (`fault`), and what was kept before that rule is checked under the same bounds (`wrongs`).

JSON Schema 2020-12: json-schema.org/draft/2020-12/json-schema-validation.
RE2's syntax: github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import re2
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError

from convoship.lib.plain_errors import PlainValidator, extended, failures

LONGEST = 8_000  # characters of a schema
LONGEST_PATTERN = 200  # characters
MOST_PATTERNS = 20
MOST_PARTS = 200
DEEPEST = 10
# Of one check: a few thousandths of a second each thousand.
MOST_STEPS = 10_000
_ERROR = 20  # steps
# Bytes that a compiled pattern may take: it bounds what a character costs, too.
_PATTERN_MEMORY = 1 << 18

# By what stands under them: one schema, several, several by name; and values.
_ONE = frozenset({"additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else"})
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_OF_LISTS = frozenset({"minItems", "maxItems", "uniqueItems", "minContains", "maxContains"})
_OF_OBJECTS = frozenset({"required", "dependentRequired", "minProperties", "maxProperties"})
_OF_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_VALUES = (
    frozenset({"type", "enum", "const", "minLength", "maxLength", "pattern"}) | _OF_LISTS | _OF_OBJECTS | _OF_NUMBERS
)
_KEYWORDS = _ONE | _MANY | _NAMED | _VALUES
# What else may stand there and decides nothing.
_TELLING = frozenset({"$schema", "$comment", "title", "description", "default", "examples", "deprecated", "format"})


class NotChecked(Exception):
    """The arguments can't be held against the schema: why, in words for whoever owns it."""


# --- The schema, before it is kept ------------------------------------------------------------------------------------


def fault(schema: Mapping[str, Any]) -> str:
    """What is wrong with it, and what to write instead; "" for nothing."""
    try:
        if len(json.dumps(schema)) > LONGEST:
            return f"This is too long: at most {LONGEST:,} characters."
        parts = list(_parts(schema))
    except RecursionError:
        return f"This is too deep: at most {DEEPEST} levels."
    if schema.get("type") != "object":
        return 'The arguments of a tool are an object: begin with {"type": "object", "properties": {…}}.'
    if len(parts) > MOST_PARTS:
        return f"These are too many parts: at most {MOST_PARTS}."
    if max(depth for depth, _ in parts) > DEEPEST:
        return f"This is too deep: at most {DEEPEST} levels."
    for _, part in parts:
        for keyword in part:
            if keyword in {"$ref", "$dynamicRef"}:
                # It could lead anywhere, and models don't follow it.
                return f"References ({keyword}) can't be used here: write the parts out."
            if keyword not in _KEYWORDS | _TELLING:
                return f"{keyword[:40]} can't be used here. Write it with properties, items, enum, pattern or anyOf."
    try:
        # Without its formats: a pattern is another's, below.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        return f"This is no JSON Schema: {error.message[:200]}"
    patterns = [one for _, part in parts for one in _patterns(part)]
    if len(patterns) > MOST_PATTERNS:
        return f"These are too many patterns: at most {MOST_PATTERNS}."
    return next((words for one in patterns if (words := _fault_of_pattern(one))), "")


def _parts(schema: Any, depth: int = 1) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Every schema of it, with how deep it stands."""
    if not isinstance(schema, Mapping):
        return
    yield depth, schema
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield from _parts(value, depth + 1)
        elif keyword in _MANY and isinstance(value, list):
            for one in value:
                yield from _parts(one, depth + 1)
        elif keyword in _NAMED and isinstance(value, Mapping):
            for one in value.values():
                yield from _parts(one, depth + 1)


def _patterns(part: Mapping[str, Any]) -> list[str]:
    own = [part["pattern"]] if "pattern" in part else []
    return [*own, *part.get("patternProperties", {})]


def _fault_of_pattern(pattern: str) -> str:
    if len(pattern) > LONGEST_PATTERN:
        return f"A pattern is too long: at most {LONGEST_PATTERN} characters. Use enum, or minLength and maxLength."
    try:
        _compiled(pattern)
    except NotChecked as refused:
        return str(refused)
    return ""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors = _PATTERN_MEMORY, False
    try:
        if len(pattern) > LONGEST_PATTERN:
            raise NotChecked("One of its patterns is too long.")
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        said = error.args[0] if error.args else ""
        why = said.decode(errors="replace") if isinstance(said, bytes) else "it can't be read"
        raise NotChecked(
            f"The pattern “{pattern[:60]}” can't be used: {why[:100]}. Patterns are RE2's, without look-ahead, "
            "look-behind and back-references: write it without them, or use enum, minLength and maxLength."
        ) from None


# --- What a model wrote, held against it ------------------------------------------------------------------------------


def wrongs(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, list[str]]:
    """What doesn't fit, by path, for the model; NotChecked where it can't be found out.

    Only what is named is taken, unless the schema says otherwise: a model's invention is not passed on.
    """
    held = _left.set([MOST_STEPS])
    try:
        closed = _known({"properties": {}, "additionalProperties": False, **schema})
        return failures(_Checking(closed), arguments)
    except _TooMuch:
        raise NotChecked("They are too much to be held against the tool's schema.") from None
    except (RecursionError, OverflowError):
        raise NotChecked("They can't be held against the tool's schema.") from None
    finally:
        _left.reset(held)


def _known(schema: Any) -> Any:
    """The schema with the keywords that are known, so that no part of it names another validator, or leads away."""
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _ONE:
            made[keyword] = _known(value)
        elif keyword in _MANY:
            made[keyword] = [_known(one) for one in value]
        elif keyword in _NAMED:
            made[keyword] = {name: _known(one) for name, one in value.items()}
        elif keyword in _VALUES:
            made[keyword] = value
    return made


class _TooMuch(Exception):
    """The steps are used up."""


_left: ContextVar[list[int]] = ContextVar("left")
_Rule = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


def _step(many: int = 1) -> None:
    left = _left.get()
    left[0] -= many
    if left[0] < 0:
        raise _TooMuch


def _counted(rule: _Rule) -> _Rule:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        # A list of values is compared one by one.
        _step(1 + (len(value) if isinstance(value, list | dict) else 0))
        for error in rule(validator, value, instance, schema) or ():
            # Its words repeat what it is about.
            _step(_ERROR)
            yield error

    return counted


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError(f"This does not match {pattern}.")


def _pattern_properties(validator: Any, named: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, part in named.items():
            for name, value in instance.items():
                if _matches(pattern, name):
                    yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional(validator: Any, rule: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for name, value in instance.items():
        _step()
        if name in schema.get("properties", {}) or any(
            _matches(one, name) for one in schema.get("patternProperties", ())
        ):
            continue
        if rule is False:
            yield ValidationError("This key isn't known. Take it out.", path=[name])
        elif isinstance(rule, Mapping):
            yield from validator.descend(value, rule, path=name)


def _unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """By what they look like as JSON, each once: the library compares each with each."""
    if wanted and isinstance(instance, list):
        _step(len(instance))
        if len({json.dumps(one, sort_keys=True) for one in instance}) < len(instance):
            yield ValidationError("These must differ from one another.")


def _matches(pattern: str, text: str) -> bool:
    _step(1 + len(text) // 100)
    try:
        return _compiled(pattern).search(text) is not None
    except UnicodeEncodeError:  # half a character, which nothing can take
        return False


_OWN: Mapping[str, _Rule] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "uniqueItems": _unique,
}
_Checking: Any = extended(
    PlainValidator,
    {
        name: _counted(_OWN.get(name) or PlainValidator.VALIDATORS[name])
        for name in _KEYWORDS
        if name in PlainValidator.VALIDATORS
    },
)
