"""Going back on how the last rollout of a deployment ended, by one click.

What keeping it replaced is kept with the rollout; it can stand again while nothing else was published or painted since.
A rollout that was taken back can start again.
"""

from __future__ import annotations

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments import publishing
from deployments.models import Deployment, Rollout
from deployments.models.deployment import RolloutOutcome
from deployments.rollouts import Tried, held, number_of, put_theme, record, require_unrevoked, running, start

_CONTENTS = ("base_version__content", "version__content", "replaced_version__content")


def last_decided(deployment: Deployment) -> Rollout | None:
    """The rollout that ended last, with its versions, who ended it, and what stands now."""
    rows = Rollout.objects.filter(deployment=deployment, ended_at__isnull=False)
    rows = rows.select_related("base_version", "version", "replaced_version", "ended_by").defer(*_CONTENTS)
    return rows.order_by("-ended_at").first()


def why_no_way_back(last: Rollout) -> str:
    """Why one click can't go back on how this rollout ended; "" where it can. Its `deployment` is loaded."""
    return _why_not_again(last) if last.outcome == RolloutOutcome.UNDONE else _why_not_before(last)


def _why_not_again(undone: Rollout) -> str:
    deployment, live = undone.deployment, undone.deployment.assistant.published_id
    if undone.version_id is not None and undone.version_id == live:
        return "The version that was tried is what visitors meet now."
    if undone.theme is not None and undone.theme == deployment.theme:
        return "The theme that was tried is what visitors meet now."
    return ""


def _why_not_before(kept: Rollout) -> str:
    deployment, live = kept.deployment, kept.deployment.assistant.published_id
    if kept.replaced_version_id is None and kept.replaced_theme is None:
        return "Nothing was replaced by it, or it was kept before that was written down."
    if kept.replaced_version_id in {None, live} and kept.replaced_theme in (None, deployment.theme):
        return "What it replaced stands again."
    if kept.replaced_version_id is not None and live != kept.version_id:
        return "Something else has been published since."
    if kept.replaced_theme is not None and deployment.theme != kept.theme:
        return "The theme has been changed since."
    return ""


def go_back(actor: Actor, deployment: Deployment, rollout_id: str) -> Rollout:
    """Go back on how the last rollout ended: what keeping it replaced stands again; one that was undone starts again.

    409 where that is no longer what it was: another rollout began, something else was published or painted since.
    Answers the rollout that was gone back on, or the new one.
    """
    assistant, deployment = held(deployment)
    require_unrevoked(deployment)
    if (last := last_decided(deployment)) is None or str(last.id) != rollout_id or running(deployment) is not None:
        raise Problem("conflict", "This isn't the last rollout any more.", hint="Load the page again.")
    last.deployment = deployment
    if said := why_no_way_back(last):
        raise Problem("conflict", said)
    if last.outcome == RolloutOutcome.UNDONE:
        tried = Tried(version=last.version.number if last.version else None, theme=last.theme)
        return start(actor, deployment, tried, share=last.share)
    if last.replaced_version is not None:
        publishing.make_published(actor, assistant, last.replaced_version)
    if last.replaced_theme is not None:
        put_theme(deployment, last.replaced_theme)
    record(actor, "deployment.rollout_gone_back", deployment, last, version=number_of(last.replaced_version))
    return last
