"""`/test/<signed>`: the real widget of a deployment on a page of ours, for whoever has the link, for 15 minutes.

It needs no sign-in and sets no cookie. The chat on it runs by a preview token made for this very page, so its
conversations are tests. It also says of any origin that is typed whether the deployment would let it in.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from convoship.lib import client_ip, limiting
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import embed_build, origin_answers, previewing, rollouts, test_links
from deployments.models import Deployment
from deployments.test_links import Claim, LinkIsOver, NotALink
from deployments.variants import Variant


@require_safe
@never_cache
def show(request: HttpRequest, signed: str) -> HttpResponse:
    """The page with the chat."""
    return _shown(request, signed, chat=True)


@require_safe
@never_cache
def origin(request: HttpRequest, signed: str) -> HttpResponse:
    """Whether the origin that was typed would be let in: a part of the page for its script, the whole one otherwise."""
    return _shown(request, signed, chat=request.headers.get("HX-Request") != "true")


def _shown(request: HttpRequest, signed: str, *, chat: bool) -> HttpResponse:
    try:
        limiting.hit("test_pages", client_ip.bucket(client_ip.of_request(request)), words="Too many test pages")
        claim = test_links.read(signed)
        with tenant(claim.workspace_id):
            row = Deployment.objects.select_related("assistant").filter(id=claim.deployment_id).first()
            if row is None or not test_links.maker_still_may(claim):
                return _over(request, {"is_withdrawn": True}, 410)
            return _page(request, signed, claim, row, chat=chat)
    except LinkIsOver as over:
        return _over(request, {"deployment_id": over.deployment_id, "is_too_old": True}, 410)
    except NotALink:
        return _over(request, {"is_cut_short": True}, 404)
    except Problem as problem:
        return _slower(request, problem)


def _page(request: HttpRequest, signed: str, claim: Claim, row: Deployment, *, chat: bool) -> HttpResponse:
    typed = request.GET.get("origin", "").strip()[: origin_answers.LONGEST_TYPED]
    context: dict[str, Any] = {
        "signed": signed,
        "deployment": row,
        "expires_at": claim.expires_at,
        "typed": typed,
        "answer": origin_answers.would_let_in(row, typed) if typed else None,
    }
    if not chat:
        return _private(render(request, "widget/test_page_answer.html", context))
    variant: Variant = "b" if request.GET.get("variant") == "b" else "a"
    preview = None if row.revoked_at else _preview(claim, row, variant)
    context |= {
        "preview": preview,
        "variant": variant,
        "rollout": rollouts.running(row),
        "loader": embed_build.LOADER,
        "api_url": settings.PUBLIC_BASE_URL,
    }
    return _private(render(request, "widget/test_page.html", context))


def _preview(claim: Claim, row: Deployment, variant: Variant) -> previewing.Preview:
    """In the name of who made the link, and for as long as they could make it."""
    kind, maker_id = claim.made_by
    maker = Actor(kind="user" if kind == "user" else "api_key", id=maker_id, label="a test link")
    return previewing.mint(maker, row, variant=variant, permission=test_links.PERMISSION)


def _over(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    return _private(render(request, "widget/test_page_over.html", context, status=status))


def _slower(request: HttpRequest, problem: Problem) -> HttpResponse:
    answer = _over(request, {"problem": problem}, problem.status)
    for name, value in problem.headers().items():
        answer[name] = value
    return answer


def _private(response: HttpResponse) -> HttpResponse:
    """Not for search engines; and the link, which is the key, goes to no other site."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response
