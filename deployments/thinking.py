"""The parts of an assistant beside its script: what may answer in its place, and what is done when that fails.

Each part is a key of the draft and of each version, and a module of `responders` that says what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments.models import Assistant, Rollout
from deployments.models.assistant import Responder
from deployments.responders import failing, llm_content, webhook_content
from deployments.responders.content import ContentRefused
from workspaces import secret_hosts
from workspaces.secret_hosts import Pointing
from workspaces.secret_store import Use


@dataclass(frozen=True)
class Part:
    """How a part is checked, and which secrets it names: (path, key, the address it is sent to)."""

    validate: Callable[[object], dict[str, Any]]
    secrets: Callable[[Mapping[str, Any]], Iterator[tuple[str, str, str]]] = lambda _content: iter(())
    # What it can't answer without, by path; a draft may lack it, a version may not.
    missing: Callable[[Mapping[str, Any]], Mapping[str, list[str]]] = lambda _content: {}


PARTS: Mapping[str, Part] = {
    "llm": Part(llm_content.validate, llm_content.secrets_of, llm_content.missing),
    "webhook": Part(webhook_content.validate, webhook_content.secrets_of),
    "on_failure": Part(failing.validate),
}


def parsed(name: str, content: object) -> dict[str, Any]:
    """A part in normal form; 422 with a message per path (`llm.base_url`)."""
    try:
        return PARTS[name].validate(content)
    except ContentRefused as refused:
        raise invalid({f"{name}.{path}" if path else name: said for path, said in refused.errors.items()}) from None


def changed_draft(
    actor: Actor, draft: Mapping[str, Any], parts: Mapping[str, object], typed: Mapping[str, str]
) -> dict[str, Any]:
    """The draft with these parts in place of its own; None takes one out.

    `typed`: the values of secrets that go to a host for the first time (`secret_hosts`). 422 with a message per path.
    """
    made = dict(draft)
    errors: dict[str, list[str]] = {}
    pointings: list[Pointing] = []
    for name, content in parts.items():
        made.pop(name, None)
        if content is None:
            continue
        try:
            part = parsed(name, content)
        except Problem as problem:  # who mends one part wants to know of the others
            errors |= problem.errors
            continue
        pointings += _pointings(name, part)
        # Left out where nothing is said, as in versions that came before it: a draft equals what was published.
        if part or name != "on_failure":
            made[name] = part
    if errors:
        raise invalid(errors)
    secret_hosts.point(actor, pointings, typed)
    return made


def check_responder(responder: str, draft: Mapping[str, Any]) -> None:
    """422 where the draft lacks what this responder answers by."""
    if responder in PARTS and not draft.get(responder):
        label = Responder(responder).label.lower()
        raise invalid({"responder": [f"Nothing says yet what the {label} is: give {responder}, too."]})


def check(draft: Mapping[str, Any], responder: str) -> None:
    """Before publishing: 422 for what would be refused today."""
    check_responder(responder, draft)
    errors: dict[str, list[str]] = {}
    for name in (each for each in PARTS if each in draft):
        try:
            parsed(name, draft[name])
        except Problem as problem:
            errors |= problem.errors
            continue
        if name == responder:
            errors |= {f"{name}.{path}": said for path, said in PARTS[name].missing(draft[name]).items()}
    if errors:
        raise invalid(errors, hint="Mend it on the assistant's tab Answers.")


def _pointings(name: str, content: Mapping[str, Any]) -> list[Pointing]:
    return [Pointing(f"{name}.{path}", key, url) for path, key, url in PARTS[name].secrets(content)]


def addresses(content: Mapping[str, Any]) -> Iterator[str]:
    """The addresses that what answers is asked at, and that it calls itself; by a draft or a version."""
    llm, webhook = content.get("llm") or {}, content.get("webhook") or {}
    match content.get("responder"):
        case "llm":
            yield llm["base_url"]
            yield from (tool["url"] for tool in llm.get("tools", ()) if "url" in tool)
        case "webhook":
            yield webhook["url"]


def pointings() -> Iterator[Pointing]:
    """Which secrets go where by each draft, and by each version that visitors meet. Inside `tenant()`."""
    for assistant in Assistant.objects.select_related("published"):
        for content in (assistant.draft, assistant.published.content if assistant.published else {}):
            yield from _all_pointings(content)
    for rollout in Rollout.objects.filter(ended_at=None).select_related("base_version", "version"):
        for version in (rollout.base_version, rollout.version):
            yield from _all_pointings(version.content if version else {})


def _all_pointings(content: Mapping[str, Any]) -> Iterator[Pointing]:
    for name in PARTS:
        yield from _pointings(name, content.get(name) or {})


def uses_of_secrets() -> Iterator[Use]:
    """Which assistants stand on which secrets, by their drafts and by what visitors meet. Inside `tenant()`."""
    for assistant in Assistant.objects.select_related("published").order_by("name"):
        contents = [assistant.draft, assistant.published.content if assistant.published else {}]
        keys = {
            key
            for content in contents
            for name, part in PARTS.items()
            for _path, key, _url in part.secrets(content.get(name) or {})
        }
        path = reverse("assistant", args=[assistant.id])
        yield from (Use(key, "Assistant", assistant.name, path) for key in sorted(keys))
