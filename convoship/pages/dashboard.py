"""The first page: what is left to do until a visitor gets an answer, and who waits for one now."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from deployments.models import Assistant, Deployment
from deployments.pages import budget_troubles, outages, queries
from workspaces.access import WorkspaceRequest, workspace_page


@dataclass(frozen=True)
class Step:
    """One step to the first answer: done, next, or later."""

    title: str
    words: str
    is_done: bool
    href: str
    action: str
    is_next: bool = False
    elsewhere: bool = False


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`/`: the dashboard for who is signed in, the sign-in page for everyone else."""
    if not request.user.is_authenticated:
        return redirect(settings.LOGIN_URL)
    return overview(request)


@workspace_page("workspace.read")
def overview(request: WorkspaceRequest) -> HttpResponse:
    """The dashboard."""
    assistant = queries.first_assistant()
    deployment = queries.first_live_deployment()
    latest = queries.latest_conversations(8) if request.actor.may("conversations.read") else []
    site = stranger_site(deployment.id) if deployment else ""
    steps = _steps(assistant, deployment, has_conversation=queries.any_conversation(), site=site)
    left = sum(not step.is_done for step in steps)
    troubles, more_troubles = budget_troubles.shown(request) if request.actor.may("deployments.read") else ([], 0)
    down, more_down = outages.shown(request) if request.actor.may("assistants.read") else ([], 0)
    return render(
        request,
        "pages/dashboard.html",
        {
            "outages": down,
            "more_outages": more_down,
            "steps": steps,
            "left": ("", "One step", "Two steps", "Three steps")[left],
            "is_ready": left == 0,
            "site": site,
            "deployment": deployment,
            "conversations": latest,
            "figures": queries.figures(),
            "troubles": troubles,
            "more_troubles": more_troubles,
            "refused": queries.with_refusals() if request.actor.may("deployments.read") else [],
        },
    )


def stranger_site(deployment_id: UUID) -> str:
    """The page of the stranger's site that carries this deployment's snippet, if `make run` has put one there."""
    if not settings.STRANGER_SITE_URL:
        return ""
    if not (settings.LOCAL_DIR / "stranger" / f"{deployment_id}.html").is_file():
        return ""
    return f"{settings.STRANGER_SITE_URL.rstrip('/')}/demo/{deployment_id}"


def _steps(
    assistant: Assistant | None, deployment: Deployment | None, *, has_conversation: bool, site: str
) -> list[Step]:
    editor = reverse("assistant", args=[assistant.id]) if assistant else reverse("assistant_new")
    deploy = reverse("deploy", args=[assistant.id]) if assistant else reverse("assistants")
    is_published = assistant is not None and assistant.published_id is not None
    drafts = [
        Step(
            "Publish an assistant",
            f"{assistant.name} is live." if assistant and is_published else "Write what it says, then press Publish.",
            is_published,
            editor,
            "Open the assistant" if assistant else "New assistant",
        ),
        Step(
            "Put it on a web page",
            f"{deployment.name} is live." if deployment else "Make a deployment, and paste its snippet into your page.",
            deployment is not None,
            deploy,
            "Open Deploy",
        ),
        Step(
            "Have the first conversation",
            "Visitors have talked with your assistant." if has_conversation else "Open the page and say hello.",
            has_conversation,
            site or reverse("conversations"),
            "See it on another site" if site else "Open Conversations",
            elsewhere=bool(site),
        ),
    ]
    following = next((step for step in drafts if not step.is_done), None)
    return [Step(**{**step.__dict__, "is_next": step is following}) for step in drafts]
