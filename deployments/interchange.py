"""An assistant as a JSON file: written for other workspaces and for a repository, read from whoever kept one.

The envelope (docs/assistants.md): `{format, format_version, name, responder, scripted, llm?, webhook?, on_failure?,
handoff, test_cases, test_threshold, exported_at}`, without secrets; the only ids in it are of desks, which other
workspaces leave out. Keys of secrets stand in it, and are left out where they lead to none that may go where the file
sends it. What signs a webhook's questions stands in none: it is made anew where the file is read. Reading takes it, the
same with less around `scripted`, or the bare object that `scripted` holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from convoship.lib.actors import Actor
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.plain_errors import PlainValidator, failures
from convoship.lib.problems import Problem, invalid
from convoship.lib.times import moment
from deployments import desks, publishing, test_cases, thinking, versions
from deployments.models import Assistant
from deployments.models.assistant import Responder
from deployments.responders.schema import SCHEMA as SCRIPT_SCHEMA
from deployments.test_cases import CASES_SCHEMA, THRESHOLD_SCHEMA
from workspaces import audit, secret_hosts

FORMAT, FORMAT_VERSION = "convoship.assistant", 1
LARGEST_FILE = 2 * 1024 * 1024

_EMPTY = {"pattern": "This must not be empty."}
# What stands around a script; the script itself is checked by its own schema.
ENVELOPE: dict[str, dict[str, Any]] = {
    "format": {
        "const": FORMAT,
        "x-words": {"const": f"This must be {FORMAT}: other files can't be read here."},
    },
    "format_version": {
        "const": FORMAT_VERSION,
        "x-words": {"const": f"This must be {FORMAT_VERSION}: it was written by a newer Convoship, or by none."},
    },
    "name": {"type": "string", "maxLength": 100, "pattern": r"\S", "x-words": _EMPTY},
    "responder": {"enum": [str(value) for value in Responder.values]},
    "scripted": {"type": "object"},
    **{name: {"type": "object"} for name in thinking.PARTS},
    "handoff": {"type": "object"},
    "test_cases": CASES_SCHEMA,
    "test_threshold": THRESHOLD_SCHEMA,
    "exported_at": {"type": "string", "maxLength": 40},
}
_envelope = PlainValidator(
    {"type": "object", "required": ["scripted"], "additionalProperties": False, "properties": ENVELOPE}
)
_SCRIPT_KEYS = frozenset(SCRIPT_SCHEMA["properties"])


@dataclass(frozen=True)
class Imported:
    """What a file holds, checked. What it says nothing of (name, hand-over, tests) is None."""

    scripted: dict[str, Any]
    name: str | None = None
    handoff: dict[str, Any] | None = None
    responder: str | None = None
    # What else may answer, and what is done on failure (`thinking.PARTS`); what the file doesn't name stays.
    parts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    # Secrets that it names and that aren't here, or may not go where it sends them: `key (host)`.
    secrets_left_out: Sequence[str] = ()
    # Desks that it names and this workspace doesn't have.
    desks_left_out: Sequence[str] = ()
    test_cases: list[dict[str, str]] | None = None
    test_threshold: int | None = None
    has_threshold: bool = False

    def content_for(self, assistant: Assistant) -> dict[str, Any]:
        """What the draft of this assistant would be."""
        content = {**assistant.content_of_draft(), "name": self.name or assistant.name, "scripted": self.scripted}
        rules = content.pop("handoff", {})
        rules = rules if self.handoff is None else self.handoff
        content |= {"responder": self.responder or assistant.responder, **self.parts}
        return {**content, "handoff": rules} if rules else content

    @property
    def words_left_out(self) -> list[str]:
        """What is said of all that was left out."""
        return [words for words in (self.words_of_desks, self.words_of_secrets) if words]

    @property
    def words_of_secrets(self) -> str:
        """What is said of the secrets that were left out; "" where none was."""
        if not self.secrets_left_out:
            return ""
        count = len(self.secrets_left_out)
        which = "1 secret is" if count == 1 else f"{count} secrets are"
        named = ", ".join(self.secrets_left_out)
        return f"{which} left out, as nobody here lets it go there ({named}). Choose it under Answers."

    @property
    def words_of_desks(self) -> str:
        """What is said of the desks that were left out; "" where none was."""
        if not self.desks_left_out:
            return ""
        count = len(self.desks_left_out)
        which = (
            "1 desk isn't in this workspace, and is"
            if count == 1
            else f"{count} desks aren't in this workspace, and are"
        )
        named = ", ".join(self.desks_left_out)
        to = ", ".join((self.handoff or {}).get("desks", [])) or "inbox"
        return f"{which} left out ({named}). Hand-overs go to: {to}."


def exported(assistant: Assistant, side: versions.Side = versions.DRAFT) -> dict[str, Any]:
    """The envelope of the draft, or of a version with the test cases of today; 404 where there is no such version."""
    content = versions.content_of(assistant, side)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": content["name"],
        "responder": content["responder"],
        "scripted": content["scripted"],
        **{name: content[name] for name in thinking.PARTS if name in content},
        "handoff": content.get("handoff", {}),
        "test_cases": assistant.test_cases,
        "test_threshold": assistant.test_threshold,
        "exported_at": moment(timezone.now()),
    }


def disposition(assistant: Assistant, side: versions.Side) -> str:
    """The header that makes it a file, and names it."""
    suffix = side if side == versions.DRAFT else f"v{side}"
    return str(content_disposition_header(True, f"{slugify(assistant.name) or 'assistant'}-{suffix}.json"))


# --- Reading ------------------------------------------------------------------------------------------------------


def text_of(raw: bytes) -> str:
    """A file's text; 422 in words for one that is too large or not UTF-8."""
    if len(raw) > LARGEST_FILE:
        raise too_large()
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise Problem("invalid", "The file is in UTF-16. Save it as UTF-8 and choose it again.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem("invalid", "The file is not text in UTF-8. Choose the JSON file that was exported.") from None


def too_large() -> Problem:
    """413: more than a file may hold."""
    return Problem("payload_too_large", f"This is too large: at most {LARGEST_FILE // 1024**2} MiB are possible.")


def read_text(text: str) -> Imported:
    """What a file's text holds; 422 with every fault by its path."""
    if len(text) > LARGEST_FILE or len(text.encode("utf-8", "surrogatepass")) > LARGEST_FILE:
        raise too_large()
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise Problem("invalid", "There is nothing in it. Choose a file, or paste its JSON.")
    try:
        return read(loads(text, no_key_twice=True, called="This"))
    except BadJSON as error:
        raise Problem("invalid", str(error)) from None


def read(data: object) -> Imported:
    """What parsed JSON holds: an envelope, or a bare script; 422 with every fault by its path."""
    if not isinstance(data, Mapping):
        raise Problem("invalid", "This must be an object: what an export holds, or what its “scripted” holds.")
    if not data:
        raise Problem("invalid", "There is nothing in it: not even a welcome.")
    if "scripted" not in data and "format" not in data and _SCRIPT_KEYS & set(data):
        return Imported(scripted=_script(data, prefix=""))
    errors = failures(_envelope, data)
    script: dict[str, Any] = {}
    if isinstance(data.get("scripted"), Mapping):
        try:
            script = _script(data["scripted"], prefix="scripted")
        except Problem as problem:
            errors |= problem.errors
    rules: dict[str, Any] | None = None
    if isinstance(data.get("handoff"), Mapping):
        try:
            rules = publishing.parsed_handoff(data["handoff"], known=None)
        except Problem as problem:
            errors |= problem.errors
    given: dict[str, dict[str, Any]] = {}
    for name in thinking.PARTS:
        if isinstance(data.get(name), Mapping):
            try:
                given[name] = thinking.parsed(name, data[name])
            except Problem as problem:
                errors |= problem.errors
    if errors:
        raise invalid(errors)
    if "responder" in data:
        thinking.check_responder(data["responder"], given)
    given, secrets_left_out = _with_secrets_of_here(given)
    rules, left_out = _with_desks_of_here(rules)
    return Imported(
        scripted=script,
        handoff=rules,
        responder=data.get("responder"),
        parts=given,
        secrets_left_out=secrets_left_out,
        desks_left_out=left_out,
        name=data["name"].strip() if "name" in data else None,
        test_cases=test_cases.parsed(data["test_cases"], "test_cases") if "test_cases" in data else None,
        test_threshold=data.get("test_threshold"),
        has_threshold="test_threshold" in data,
    )


def _with_desks_of_here(rules: dict[str, Any] | None) -> tuple[dict[str, Any] | None, list[str]]:
    """The rules without the desks that this workspace doesn't have, and those."""
    if rules is None or "desks" not in rules:
        return rules, []
    there = {choice.ref for choice in desks.choices()}
    left_out = [ref for ref in rules["desks"] if ref not in there]
    kept = [ref for ref in rules["desks"] if ref in there]
    return publishing.parsed_handoff({**rules, "desks": kept or [desks.INBOX]}, known=None), left_out


def _with_secrets_of_here(given: dict[str, dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The parts without secrets that may not go where the file sends them, and those.

    A secret that nothing uses yet is left out as well: a file is no place to say where it goes first.
    """
    made: dict[str, dict[str, Any]] = {}
    left_out: list[str] = []
    for name, part in given.items():
        content = deepcopy(part)
        # From the last on, so that places before it stay what they are.
        for path, key, url in reversed(list(thinking.PARTS[name].secrets(part))):
            if not secret_hosts.may_go(key, url):
                left_out.insert(0, f"{key}, to {secret_hosts.host_of(url)}")
                _take_out(content, path)
        made[name] = thinking.parsed(name, content) if content != part else part
    return made, list(dict.fromkeys(left_out))


def _take_out(content: Any, path: str) -> None:
    """Take out what stands at `tools[0].headers[1].secret`; in a list, with all that stands beside it."""
    steps = [int(step) if step.isdecimal() else step for step in re.findall(r"[A-Za-z_0-9-]+", path)]
    *way, last = steps
    at = len(way) - 1 if way and isinstance(way[-1], int) else len(way)
    for step in steps[:at]:
        content = content[step]
    del content[steps[at] if at < len(way) else last]


def _script(data: object, *, prefix: str) -> dict[str, Any]:
    try:
        return publishing.parsed_script(data)
    except Problem as problem:
        if prefix:
            raise
        bare = {path.removeprefix("scripted").removeprefix("."): said for path, said in problem.errors.items()}
        raise invalid(bare) from None


# --- Acts ---------------------------------------------------------------------------------------------------------


def create(actor: Actor, imported: Imported, *, name: str = "") -> Assistant:
    """A new assistant of what was read, under `name` or the name that it brings."""
    called = name.strip() or imported.name
    if not called:
        raise invalid({"name": ["Give the assistant a name: this file brings none."]})
    made = publishing.create_assistant(actor, name=called)
    replace(actor, made, imported, name=called)
    return made


def replace(actor: Actor, assistant: Assistant, imported: Imported, *, name: str | None = None) -> None:
    """Make what was read the draft, with its test cases where it brings any. Visitors meet it once it is published."""
    called = name or imported.name or assistant.name
    changed = versions.replace_draft(
        actor,
        assistant,
        name=called,
        scripted=imported.scripted,
        handoff=imported.handoff,
        responder=imported.responder,
        parts=imported.parts,
    )
    before = (assistant.test_cases, assistant.test_threshold)
    if imported.test_cases is not None:
        assistant.test_cases = imported.test_cases
    if imported.has_threshold:
        assistant.test_threshold = imported.test_threshold
    if before != (assistant.test_cases, assistant.test_threshold):
        assistant.save(update_fields=["test_cases", "test_threshold"])
        changed = True
    if changed:
        told = {
            name: list(each)
            for name, each in (
                ("desks_left_out", imported.desks_left_out),
                ("secrets_left_out", imported.secrets_left_out),
            )
            if each
        }
        audit.record(actor, "assistant.imported", assistant, test_cases=len(assistant.test_cases), **told)
