"""The Identity tab of a deployment: whether visitors must be verified, the secrets for it, and a token to try."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import deploying, identity
from deployments.identity import Verified
from deployments.models import Deployment, IdentitySecret
from deployments.pages import overlaps, queries
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

_SAMPLES = {"Python": "user_token.py", "Node": "user_token.mjs", "PHP": "user_token.php", "Ruby": "user_token.rb"}


@dataclass(frozen=True)
class Sample:
    """Code that makes a `user_token`; the very file that the tests run."""

    language: str
    file: str
    text: str


@cache
def samples() -> list[Sample]:
    """The samples of docs/samples/identity."""
    folder = settings.BASE_DIR / "docs" / "samples" / "identity"
    return [Sample(name, file, (folder / file).read_text(encoding="utf-8")) for name, file in _SAMPLES.items()]


@dataclass(frozen=True)
class Checked:
    """What a token that was typed in proves, or why it was refused."""

    typed: str
    verified: Verified | None = None
    refusal: Problem | None = None

    @property
    def hint(self) -> str:
        """What to do, said to somebody who is on this page already."""
        hint = (self.refusal.hint if self.refusal else None) or ""
        if hint == identity.DOCS_HINT:
            return "Compare how your server makes it with the samples below."
        return hint.replace(" on the deployment's Identity tab", " above").replace(" on the Identity tab", " above")


@require_safe
@workspace_page("deployments.read")
def identity_page(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """How visitors of this deployment are verified."""
    return _page(request, queries.deployment(deployment_id))


def _page(request: WorkspaceRequest, row: Deployment, checked: Checked | None = None) -> HttpResponse:
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "secrets": identity.live_secrets(row),
        "samples": samples(),
        "checked": checked,
        "once": once.mark(),
        "overlaps": overlaps.OVERLAPS,
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
    }
    failed = checked is not None and checked.refusal is not None
    return render(request, "deployments/identity.html", context, status=422 if failed else 200)


@form_of("deployment_identity")
@workspace_page("deployments.write")
def identity_require(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Turn "require verified identity" on or off."""
    row, required = queries.deployment(deployment_id), "required" in request.POST
    if required and not identity.live_secrets(row):
        messages.error(request, "Make a secret first: until there is one, no visitor could be verified.")
        return redirect("deployment_identity", deployment_id)
    with refusals.said_as_message(request):
        if row.identity_required != required:
            deploying.change(request.actor, row, {"identity_required": required})
        words = "must be verified from now on" if required else "need no proof from now on"
        messages.success(request, f"Visitors whom a page names {words}.")
    return redirect("deployment_identity", deployment_id)


@form_of("deployment_identity")
@never_cache
@workspace_page("deployments.write")
def identity_secret_make(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Make a secret and show it, this once; an earlier one goes on for as long as was chosen."""
    row = queries.deployment(deployment_id)
    if once.was_sent(request):
        messages.info(request, "That was done already, and a secret is shown only once. If you lost it, rotate it.")
        return redirect("deployment_identity", deployment_id)
    # The first secret has nothing that could overlap, and its form does not ask.
    seconds = overlaps.seconds_of(request.POST) if "overlap" in request.POST else 0
    try:
        with transaction.atomic():
            made = identity.make_secret(request.actor, row, overlap_seconds=seconds)
    except Problem as problem:
        messages.error(request, refusals.words_of(problem))
        return redirect("deployment_identity", deployment_id)
    once.spend(request)
    return render(request, "deployments/identity_secret.html", {"deployment": row, "secret": made.value})


@form_of("deployment_identity")
@workspace_page("deployments.write")
def identity_secret_end(request: WorkspaceRequest, deployment_id: UUID, secret_id: UUID) -> HttpResponse:
    """Take no more tokens of an older secret."""
    row = queries.deployment(deployment_id)
    secret = get_object_or_404(IdentitySecret, id=secret_id, deployment=row)
    with refusals.said_as_message(request):
        identity.end_secret(request.actor, row, secret)
        messages.success(request, f"The secret that ends in {secret.hint} is over.")
    return redirect("deployment_identity", deployment_id)


@form_of("deployment_identity")
@never_cache
@workspace_page("deployments.read")
def identity_check(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Say of a token whether it is good, whom it names, or what is wrong with it."""
    row = queries.deployment(deployment_id)
    typed = request.POST.get("user_token", "").strip()
    try:
        return _page(request, row, Checked(typed, verified=identity.verify(row, typed, in_use=False)))
    except Problem as problem:
        return _page(request, row, Checked(typed, refusal=problem))
