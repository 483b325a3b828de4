"""Making and changing assistants: the draft, and publishing it as an immutable version."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.remembering import Remembered
from deployments import deploying, desks, handoff_rules, responder_health, test_cases, thinking, webhook_secrets
from deployments.models import Assistant, AssistantVersion, Conversation
from deployments.models.assistant import Responder
from deployments.responders import content
from deployments.responders.templates import TEMPLATES
from workspaces import audit
from workspaces.members import user_of


def create_assistant(actor: Actor, *, name: str, template: str | None = None) -> Assistant:
    """A new assistant with an empty draft, or with a template's."""
    assistant = Assistant(name=name, responder=Responder.SCRIPTED)
    if template is not None:
        try:
            ready = TEMPLATES[template]
        except KeyError:
            known = ", ".join(TEMPLATES)
            raise invalid({"template": [f"There is no template {template!r}. Known: {known}."]}) from None
        assistant.draft = {"scripted": parsed_script(ready.content())}
        assistant.test_cases = ready.test_cases()
    assistant.save()
    audit.record(actor, "assistant.created", assistant, template=template)
    return assistant


def change_draft(
    actor: Actor,
    assistant: Assistant,
    *,
    name: str | None = None,
    scripted: Mapping[str, Any] | None = None,
    handoff: Mapping[str, Any] | None = None,
    responder: str | None = None,
    parts: Mapping[str, object] = MappingProxyType({}),
    secret_values: Mapping[str, str] = MappingProxyType({}),
    known_desks: Iterable[str] = (),
    noted_within: dt.timedelta | None = None,
) -> Assistant:
    """Change what will be published next. `scripted` is checked and taken as a whole, and ends what was unfinished.

    So is `handoff`, whose desks have to be there, but for those that it named before and the `known_desks`. `parts` are
    what else may answer (`thinking.PARTS`), `secret_values` the values of secrets that they send to a host for the
    first time. A page that saves by itself says `noted_within`: its changes are one line of the audit log in that time.
    """
    parsed = None if scripted is None else parsed_script(scripted)
    rules = (
        None
        if handoff is None
        else parsed_handoff(handoff, [*known_desks, *assistant.draft.get("handoff", {}).get("desks", ())])
    )
    changed = []
    unfinished = assistant.draft_typed
    if name is not None and name != assistant.name:
        assistant.name = name
        changed.append("name")
        if unfinished is not None:
            unfinished = {**unfinished, "name": name}
    if parsed is not None:
        unfinished = None
        if parsed != assistant.draft.get("scripted"):
            before = assistant.content_of_draft()
            assistant.draft = {**assistant.draft, "scripted": parsed}
            changed.append("scripted")
            followed = test_cases.following(assistant.test_cases, before, assistant.content_of_draft())
            if followed != assistant.test_cases:
                assistant.test_cases = followed
                changed.append("test_cases")
    if rules is not None and rules != assistant.draft.get("handoff", {}):
        rest = {key: value for key, value in assistant.draft.items() if key != "handoff"}
        # Left out where nothing is said, as in the versions that came before it: a draft equals what was published.
        assistant.draft = {**rest, "handoff": rules} if rules else rest
        changed.append("handoff")
    with_parts = thinking.changed_draft(actor, assistant.draft, parts, secret_values)
    changed += [name for name in parts if with_parts.get(name) != assistant.draft.get(name)]
    assistant.draft = with_parts
    if responder is not None or parts:
        thinking.check_responder(responder or assistant.responder, assistant.draft)
    if responder is not None and responder != assistant.responder:
        assistant.responder = responder
        changed.append("responder")
    if changed or unfinished != assistant.draft_typed:
        assistant.draft_typed = unfinished
        assistant.draft_changed_at = timezone.now()
        # Not all of it: test cases may be changed at the same time by somebody who holds the row, as editors do.
        cases = ["test_cases"] if "test_cases" in changed else []
        assistant.save(update_fields=["name", "responder", "draft", "draft_typed", "draft_changed_at", *cases])
    if changed and noted_within is not None:
        audit.record_once(actor, "assistant.changed", assistant, within=noted_within, changed=changed)
    elif changed:
        audit.record(actor, "assistant.changed", assistant, changed=changed)
    return assistant


def parsed_script(script: object) -> dict[str, Any]:
    """The scripted content in normal form; 422 with a message per path."""
    try:
        return content.validate(script)
    except content.ContentRefused as refused:
        raise invalid(
            {f"scripted.{path}" if path else "scripted": said for path, said in refused.errors.items()}
        ) from None


def parsed_handoff(rules: object, known: Iterable[str] | None = ()) -> dict[str, Any]:
    """The rules of hand-overs in normal form; 422 with a message per path.

    Desks have to be in this workspace, or among the `known`; with None no desk is looked for.
    """
    try:
        parsed = handoff_rules.validate(rules)
    except content.ContentRefused as refused:
        raise invalid(
            {f"handoff.{path}" if path else "handoff": said for path, said in refused.errors.items()}
        ) from None
    if known is None:
        return parsed
    choices = desks.choices()
    there = {*known, *(choice.ref for choice in choices)}
    names = ", ".join(f"{choice.ref} ({choice.name})" if choice.ref != desks.INBOX else "inbox" for choice in choices)
    wrong = {
        f"handoff.desks[{place}]": [f"No desk of this workspace is called so. There are: {names}."]
        for place, ref in enumerate(parsed.get("desks", ()))
        if ref not in there
    }
    if wrong:
        raise invalid(wrong)
    return parsed


def publish(actor: Actor, assistant_id: UUID, *, note: str = "", despite_tests: bool = False) -> AssistantVersion:
    """Freeze the draft as the next version, for everybody; conversations that run keep the one they began with.

    Where visitors meet the draft already nothing is done, and the version that they meet is answered. 409 with the
    report where fewer test cases pass than the assistant's threshold says, unless `despite_tests`.
    """
    assistant = held(assistant_id)
    if assistant.published is not None and not assistant.has_unpublished_changes:
        return assistant.published
    version = freeze(actor, assistant, note=note, despite_tests=despite_tests)
    make_published(actor, assistant, version)
    return version


def held(assistant_id: UUID) -> Assistant:
    """The assistant, held until the transaction ends; 404 where this workspace has none by that id."""
    try:
        # `no_key`: a visitor's first message refers to the assistant, and must not wait for test cases to be run.
        return Assistant.objects.select_for_update(no_key=True).get(id=assistant_id)
    except Assistant.DoesNotExist:
        raise not_found() from None


def freeze(
    actor: Actor, assistant: Assistant, *, note: str = "", despite_tests: bool = False, is_trial: bool = False
) -> AssistantVersion:
    """The draft of a held assistant as its next version, which nobody meets yet; 409 as `publish` says.

    `is_trial`: a share of the visitors is going to meet it, and a refusal says so.
    """
    parsed_script(assistant.draft["scripted"])
    thinking.check(assistant.draft, assistant.responder)
    webhook_secrets.check(assistant)
    parsed_handoff(assistant.draft.get("handoff", {}), known=None)
    if "\x00" in note:
        raise Problem("conflict", "The note contains a character that can't be stored.", hint="Type it again.")
    report = test_cases.run(assistant.content_of_draft(), assistant.test_cases)
    if not despite_tests and not report.is_enough(assistant.test_threshold):
        raise test_cases.refusal(report, assistant.test_threshold or 0, is_trial=is_trial)
    last = AssistantVersion.objects.filter(assistant=assistant).aggregate(Max("number"))["number__max"] or 0
    return AssistantVersion.objects.create(
        assistant=assistant,
        number=last + 1,
        content=assistant.content_of_draft(),
        note=note,
        test_report=report.as_json(),
        published_by=user_of(actor),
    )


def make_published(actor: Actor, assistant: Assistant, version: AssistantVersion) -> None:
    """Make one of a held assistant's versions the one that visitors meet from now on."""
    before, assistant.published = assistant.published, version
    assistant.save(update_fields=["published"])
    if before is not None and _what_answers(before) != _what_answers(version):
        responder_health.forget(assistant.id)  # it told of what no visitor meets any more
    audit.record(
        actor,
        "assistant.published",
        assistant,
        version=version.number,
        note=version.note,
        **told_of_tests(version, assistant.test_threshold),
    )


def _what_answers(version: AssistantVersion) -> tuple[str, Any]:
    return version.responder, version.content.get(version.responder)


def told_of_tests(version: AssistantVersion, threshold: int | None) -> dict[str, Any]:
    """What the audit log keeps of a version's test cases."""
    passed, total = version.test_report.get("passed", 0), version.test_report.get("total", 0)
    told = {"tests_passed": passed, "tests_total": total} if total else {}
    if not test_cases.is_enough(passed, total, threshold):
        told |= {"despite_tests": True, "tests_needed_percent": threshold}
    return told


# Rooms above this one say here what of theirs an assistant answers on: names, for whoever is about to delete it.
Answers = Callable[[Assistant], list[str]]
_answers_on: list[Answers] = []


def register_answers(answers: Answers) -> None:
    """Have these named where an assistant is deleted. `answers` is called inside `tenant()`."""
    _answers_on.append(answers)


def answers_on(assistant: Assistant) -> list[str]:
    """What loses its answers with the assistant, beside its deployments."""
    return [name for answers in _answers_on for name in answers(assistant)]


def delete_assistant(actor: Actor, assistant: Assistant) -> None:
    """Delete the assistant with its deployments and conversations, once whoever writes in one of them is done."""
    deploying.hold_alone(assistant.deployments.values_list("id", flat=True))
    conversations = Conversation.objects.filter(assistant=assistant).order_by("id")
    count = len(conversations.select_for_update().values_list("id", flat=True))
    if Assistant.objects.select_for_update().filter(id=assistant.id).first() is None:
        raise not_found()
    gone = assistant.deployments.order_by("created_at").values_list("id", "name")
    told = [{"id": str(deployment_id), "name": name} for deployment_id, name in gone]
    left = answers_on(assistant)
    audit.record(actor, "assistant.deleted", assistant, deployments=told, conversations=count, left_without=left)
    assistant.delete()


# Bytes of the versions' JSON, over all workspaces; as objects they take some five times that.
MOST_KEPT_BYTES = 16 * 2**20
_kept: Remembered[tuple[UUID, UUID], AssistantVersion] = Remembered(MOST_KEPT_BYTES)


def version(workspace_id: UUID, version_id: UUID) -> AssistantVersion:
    """A version by id. Versions never change, so a process keeps those it read last; call inside `tenant()`."""
    key = (workspace_id, version_id)
    if (held := _kept.get(key)) is not None:
        return held
    found = AssistantVersion.objects.get(id=version_id)
    return _kept.put(key, found, len(json.dumps(found.content)))
