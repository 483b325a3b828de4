"""Staged rollouts: a share of a deployment's visitors meets another version of the assistant, another theme, or both.

A rollout is a matter of one deployment, and one runs there at a time. Variant `a` is the version that was published
when it began: while it runs that stays, whatever is published meanwhile, so that the two can be compared. Ending it
touches no conversation: each goes on with what it began with (`variants`).

`keep` makes the version that was tried the assistant's published one. So it reaches the assistant's other deployments
too (`also_reached`), but for those whose own rollout runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import deploying, publishing
from deployments.models import Assistant, AssistantVersion, Deployment, Rollout
from deployments.models.deployment import RolloutOutcome
from workspaces import audit
from workspaces.members import user_of

LEAST_SHARE, MOST_SHARE = 1, 99
_LARGEST_NUMBER = 2**31 - 1
# What is large and not read where rollouts are listed: a version may hold megabytes.
_OF_VERSIONS = ("base_version__content", "version__content")
_CONTENTS = (
    *_OF_VERSIONS,
    "deployment__assistant__draft",
    "deployment__assistant__draft_typed",
    "deployment__assistant__published__content",
)


@dataclass(frozen=True)
class Tried:
    """What a new rollout tries: a version by its number, or the draft as it is now; a theme; or one of those and this.

    `None` and `False`: not that.
    """

    version: int | None = None
    draft: bool = False
    theme: object = None


def start(actor: Actor, deployment: Deployment, tried: Tried, *, share: int, despite_tests: bool = False) -> Rollout:
    """Let a share (in percent) of the visitors meet what is tried, from their next page load or conversation on.

    409 with the report where the draft is tried and fewer of its test cases pass than the assistant's threshold says,
    unless `despite_tests`.
    """
    assistant, deployment = held(deployment)
    require_unrevoked(deployment)
    if _running(deployment) is not None:
        raise Problem(
            "conflict",
            "A rollout is running on this deployment already.",
            hint="Keep it for everybody or take it back, then start the next one.",
        )
    base = assistant.published
    if base is None:
        raise Problem(
            "conflict",
            f"{assistant.name} has not been published yet, so there is nothing to compare with.",
            hint="Publish it first.",
        )
    version, theme = _parsed(assistant, deployment, tried, share)
    if version is None and tried.draft:
        note = "Made for a staged rollout"
        version = publishing.freeze(actor, assistant, note=note, despite_tests=despite_tests, is_trial=True)
    rollout = Rollout.objects.create(
        deployment=deployment,
        base_version=base,
        version=version,
        theme=theme,
        share=share,
        started_by=user_of(actor),
    )
    audit.record(
        actor,
        "deployment.rollout_started",
        deployment,
        rollout=str(rollout.id),
        base_version=base.number,
        version=number_of(version),
        theme=theme,
        share=share,
        **(publishing.told_of_tests(version, assistant.test_threshold) if version and tried.draft else {}),
    )
    return rollout


def change_share(actor: Actor, deployment: Deployment, share: int) -> Rollout:
    """Another share. Raising it moves visitors from `a` to `b` only; nobody changes in the middle of a conversation."""
    _, deployment = held(deployment)
    require_unrevoked(deployment)
    rollout = _require_running(deployment)
    if errors := _faults_of_share(share):
        raise invalid({"share": errors})
    if share != rollout.share:
        before, rollout.share = rollout.share, share
        rollout.save(update_fields=["share"])
        record(actor, "deployment.rollout_share_changed", deployment, rollout, before=before, after=share)
    return rollout


def keep(actor: Actor, deployment: Deployment) -> Rollout:
    """What was tried becomes what stands, for everybody."""
    assistant, deployment = held(deployment)
    require_unrevoked(deployment)
    rollout = _require_running(deployment)
    if rollout.version is not None and rollout.version_id != assistant.published_id:
        rollout.replaced_version = assistant.published
        publishing.make_published(actor, assistant, rollout.version)
    if rollout.theme is not None and rollout.theme != deployment.theme:
        rollout.replaced_theme = deployment.theme
        put_theme(deployment, rollout.theme)
    return _end(actor, deployment, rollout, RolloutOutcome.KEPT)


def undo(actor: Actor, deployment: Deployment) -> Rollout:
    """Everybody meets what stands again: the assistant's published version, and the deployment's theme."""
    _, deployment = held(deployment)
    return _end(actor, deployment, _require_running(deployment), RolloutOutcome.UNDONE)


# --- What runs ----------------------------------------------------------------------------------------------------


def running(deployment: Deployment) -> Rollout | None:
    """The deployment's rollout that runs, with its versions."""
    return running_of([deployment.id]).get(deployment.id)


def running_of(deployment_ids: Iterable[UUID]) -> Mapping[UUID, Rollout]:
    """The rollouts that run, with their versions, by deployment."""
    rows = Rollout.objects.filter(deployment_id__in=list(deployment_ids), ended_at=None)
    rows = rows.select_related("base_version", "version", "deployment__assistant__published").defer(*_CONTENTS)
    return {rollout.deployment_id: rollout for rollout in rows}


def earlier(deployment: Deployment, most: int = 50) -> list[Rollout]:
    """The deployment's rollouts that are over, the last one first."""
    rows = Rollout.objects.filter(deployment=deployment, ended_at__isnull=False)
    rows = rows.select_related("base_version", "version", "started_by").defer(*_OF_VERSIONS)
    return list(rows.order_by("-ended_at")[:most])


def published_meanwhile(rollout: Rollout) -> AssistantVersion | None:
    """The version that waits for the rollout's end: published since it began. `deployment.assistant` is loaded."""
    published = rollout.deployment.assistant.published
    return published if published is not None and published.id != rollout.base_version_id else None


def also_reached(rollout: Rollout) -> list[Deployment]:
    """The other deployments that keeping it gives the version to."""
    return reached_beside(rollout.deployment) if rollout.version_id else []


def reached_beside(deployment: Deployment) -> list[Deployment]:
    """The other deployments whose visitors meet what the assistant publishes, at once."""
    others = Deployment.objects.filter(assistant_id=deployment.assistant_id, revoked_at=None)
    others = others.exclude(id=deployment.id)
    return list(others.exclude(rollouts__in=Rollout.objects.filter(ended_at=None)).order_by("name"))


# --- Parts --------------------------------------------------------------------------------------------------------


def held(deployment: Deployment) -> tuple[Assistant, Deployment]:
    """The assistant and the deployment, held until the transaction ends, in the order in which who deletes it does."""
    assistant = publishing.held(deployment.assistant_id)
    found = deploying.held(deployment.id)
    found.assistant = assistant
    return assistant, found


def require_unrevoked(deployment: Deployment) -> None:
    """409 for a deployment that no visitor meets."""
    if deployment.revoked_at is not None:
        raise Problem(
            "conflict", "This deployment is revoked: no visitor meets it any more.", hint="Make a new deployment."
        )


def _running(deployment: Deployment) -> Rollout | None:
    return Rollout.objects.select_related("version").filter(deployment=deployment, ended_at=None).first()


def _require_running(deployment: Deployment) -> Rollout:
    rollout = _running(deployment)
    if rollout is None:
        raise Problem("conflict", "No rollout is running on this deployment.", hint="It may have been ended meanwhile.")
    return rollout


def _parsed(
    assistant: Assistant, deployment: Deployment, tried: Tried, share: int
) -> tuple[AssistantVersion | None, dict[str, Any] | None]:
    """What is tried, checked; 422 that names everything that is wrong."""
    errors: dict[str, list[str]] = {}
    version, theme = None, None
    if said := _faults_of_share(share):
        errors["share"] = said
    if tried.draft and tried.version is not None:
        errors["version"] = ["Choose a version or the draft, not both."]
    elif tried.version is not None:
        version = _version(assistant, tried.version)
        if version is None:
            errors["version"] = [f"{assistant.name} has no version {tried.version}."]
    if tried.theme is not None:
        try:
            theme = deploying.parsed_theme(tried.theme)
        except Problem as problem:
            errors |= problem.errors
    if errors:
        raise invalid(errors)
    return _different(assistant, deployment, tried, version, theme)


def _different(
    assistant: Assistant,
    deployment: Deployment,
    tried: Tried,
    version: AssistantVersion | None,
    theme: dict[str, Any] | None,
) -> tuple[AssistantVersion | None, dict[str, Any] | None]:
    """Without what visitors meet already; 422 where nothing is left to try."""
    same_version = version is not None and version.id == assistant.published_id
    same_draft = tried.draft and not assistant.has_unpublished_changes
    same_theme = theme is not None and theme == deployment.theme
    live = assistant.published.number if assistant.published else 0
    other_version = (version is not None and not same_version) or (tried.draft and not same_draft)
    if not other_version and (theme is None or same_theme):
        if same_theme:
            raise invalid({"theme": ["This is the theme that visitors meet already."]})
        if same_draft:
            raise invalid({"version": [f"The draft is the same as version {live}, which visitors meet already."]})
        if same_version:
            raise invalid({"version": [f"Version {live} is what visitors meet already."]})
        raise invalid({"version": ["Choose a version or a theme to try, or both."]})
    if same_draft:
        raise invalid({"version": [f"The draft is the same as version {live}. To try the theme alone, leave it out."]})
    return (None if same_version else version), (None if same_theme else theme)


def _version(assistant: Assistant, number: int) -> AssistantVersion | None:
    if not 1 <= number <= _LARGEST_NUMBER:
        return None
    return AssistantVersion.objects.filter(assistant=assistant, number=number).first()


def _faults_of_share(share: int) -> list[str]:
    if LEAST_SHARE <= share <= MOST_SHARE:
        return []
    return [f"A whole number from {LEAST_SHARE} to {MOST_SHARE}: percent of the visitors."]


def _end(actor: Actor, deployment: Deployment, rollout: Rollout, outcome: RolloutOutcome) -> Rollout:
    rollout.ended_at, rollout.outcome = timezone.now(), outcome
    rollout.ended_by = user_of(actor)
    rollout.save(update_fields=["ended_at", "outcome", "ended_by", "replaced_version", "replaced_theme"])
    record(actor, f"deployment.rollout_{outcome}", deployment, rollout, share=rollout.share)
    return rollout


def put_theme(deployment: Deployment, theme: dict[str, Any]) -> None:
    """Make this the deployment's theme, unchecked: it was checked when it was the deployment's, or a rollout's."""
    deployment.theme = theme
    deployment.save(update_fields=["theme"])


def number_of(version: AssistantVersion | None) -> int | None:
    """A version's number; None for none."""
    return version.number if version else None


def record(actor: Actor, action: str, deployment: Deployment, rollout: Rollout, **data: Any) -> None:
    """A line of the audit log about a rollout."""
    audit.record(actor, action, deployment, rollout=str(rollout.id), **data)
