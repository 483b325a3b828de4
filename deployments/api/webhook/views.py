"""`/v1/public/webhook/answers/<token>`: where a bot that said 202 posts its answer. The address itself is the key."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from convoship.lib.problems import Problem, as_json_response
from deployments import webhook_callbacks
from deployments.responders import webhook_answer


@csrf_exempt
@require_POST
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Take a turn's answer, in JSON."""
    try:
        webhook_callbacks.take(token, _body(request))
    except Problem as problem:
        return as_json_response(problem)
    return JsonResponse({"taken": True})


def _body(request: HttpRequest) -> bytes:
    try:
        return request.read(webhook_answer.LARGEST + 1)
    except UnreadablePostError:
        raise Problem("invalid", "The body broke off.") from None
