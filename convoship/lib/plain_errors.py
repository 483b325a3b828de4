"""JSON Schema failures in plain words, each under the path of the value it is about (`intents[2].phrases`).

A schema says its own words where the general ones would not help: `"x-words": {"pattern": "Use a colour such as
#1f6feb."}`, by keyword. Unknown and missing keys are reported under their own path. What is echoed from the input is
cut short and stripped of control characters and lone surrogates, so that an error can always be stored, sent and
shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

MOST_ERRORS = 50  # a hostile body must not buy itself a megabyte of explanations

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object with named fields",
}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(value: object, limit: int = 60) -> str:
    """A value of the input as it may stand in a message: short, printable, encodable."""
    text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _required(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for name in names:
            if name not in instance:
                yield ValidationError("This is missing.", path=[name])


def _additional(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if rule is not False:
        raise NotImplementedError("schemas here name their keys or give patternProperties")
    if not validator.is_type(instance, "object"):
        return
    known = list(schema.get("properties", {}))
    for key in instance:
        if key not in known and not any(re.search(p, str(key)) for p in schema.get("patternProperties", {})):
            near = get_close_matches(str(key)[:60], known, n=1, cutoff=0.75)
            words = schema.get("x-words", {}).get("additionalProperties") or (
                f"This key isn't known. Did you mean “{near[0]}”?" if near else "This key isn't known. Take it out."
            )
            yield ValidationError(words, path=[key])


def _items(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As the standard's, but a list that is too long anyway isn't read through."""
    if validator.is_type(instance, "array") and len(instance) <= schema.get("maxItems", len(instance)):
        for index, item in enumerate(instance):
            yield from validator.descend(item, rule, path=index)


extended: Any = extend  # untyped in its stubs
PlainValidator = extended(
    Draft202012Validator, {"required": _required, "additionalProperties": _additional, "items": _items}
)


def path_of(parts: Any) -> str:
    """`["intents", 2, "phrases"]` -> `intents[2].phrases`; the path of the value itself is empty."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else ("." if path else "") + shown(part)
    return path


def _words(error: ValidationError) -> str:
    rule = str(error.validator)
    limit: Any = error.validator_value
    schema: Any = error.schema
    own = schema.get("x-words", {}).get(rule) if isinstance(schema, Mapping) else None
    if own and rule != "additionalProperties":
        return str(own)
    size = len(error.instance) if isinstance(error.instance, str | list | dict) else 0
    match rule:
        case "type":
            return f"This must be {_TYPES.get(str(limit), str(limit))}."
        case "enum":
            return f"This must be one of: {', '.join(str(value) for value in limit)}. It is “{shown(error.instance)}”."
        case "minLength":
            return "This must not be empty."
        case "maxLength":
            return f"This is too long: {size} characters, at most {limit} are possible."
        case "minItems":
            return f"This needs at least {limit}."
        case "maxItems" | "maxProperties":
            return f"These are too many: {size}, at most {limit} are possible."
        case "minimum":
            return f"This must be {limit} or more."
        case "maximum":
            return f"This must be {limit} or less."
        case "required" | "additionalProperties":
            return error.message
        case _:
            return "This isn't possible here."


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield (*path, key), key
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def failures(validator: Any, value: object) -> dict[str, list[str]]:
    """What is wrong with `value`, by path; empty when it fits the schema and can be stored."""
    errors: dict[str, list[str]] = {}
    for error in islice(validator.iter_errors(value), MOST_ERRORS):
        found = errors.setdefault(path_of(error.absolute_path), [])
        if (words := _words(error)) not in found:
            found.append(words)
    if not errors:  # only now is the depth of the value known to be the schema's
        for parts, text in _texts(value):
            if _UNSTORABLE.search(text):
                errors[path_of(parts)] = ["This contains a character that can't be stored. Type the text again."]
    return errors


# What a value may fail by and still be read as what it should be.
_OF_ONE_VALUE = frozenset({"pattern", "minLength", "minimum", "maximum"})


def has_its_shape(validator: Any, value: object) -> bool:
    """Whether only single values are wrong, by what they say: then what a schema can't check can still be looked for.

    Not so where a text can't be stored.
    """
    errors = list(islice(validator.iter_errors(value), MOST_ERRORS))
    return all(error.validator in _OF_ONE_VALUE for error in errors) and not any(
        _UNSTORABLE.search(text) for _, text in _texts(value)
    )
