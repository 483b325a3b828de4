"""`/rehearsal/bots/<workspace>/<assistant>/<name>`: the rehearsal's stand-in for a bot, asked as any bot is.

It checks the signature as a bot has to, answers in the way that its name says (`responders.stand_in_bot`), and posts
to the turn's callback where that is how it answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from convoship.lib import limiting, standard_webhooks
from convoship.lib.outbound import OutboundError
from convoship.lib.outbound.sending import send
from convoship.lib.problems import Problem, as_json_response, invalid, not_found
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments import rehearsed_bots
from deployments.responders.stand_in_bot import BOTS, Behaviour, answer, events

logger = logging.getLogger(__name__)

# A question with fifty messages of history, and more.
LARGEST_BODY = 1024 * 1024
# Longer than anything of ours waits for a bot.
SILENCE_SECONDS = 40.0
RETRY_AFTER_SECONDS = 5
CALL_SECONDS = 10.0
# Calls back that are under way: the loop alone would not keep them.
_calling: set[asyncio.Task[None]] = set()


@csrf_exempt
@require_POST
async def stand_in(request: HttpRequest, workspace_id: UUID, assistant_id: UUID, name: str) -> HttpResponseBase:
    """Answer a turn."""
    try:
        asked = await _asked(request, workspace_id, assistant_id, name)
    except Problem as problem:
        return as_json_response(problem)
    except standard_webhooks.NotGenuine as error:
        return JsonResponse({"message": error.words}, status=401)
    return await _answered(asked, BOTS[name])


async def _asked(request: HttpRequest, workspace_id: UUID, assistant_id: UUID, name: str) -> dict[str, Any]:
    if name not in BOTS:
        raise not_found()
    body = request.body
    if len(body) > LARGEST_BODY:
        raise Problem("payload_too_large", f"The body is larger than {LARGEST_BODY} bytes.")
    headers = {key.lower(): value for key, value in request.headers.items()}
    await in_tenant(rehearsed_bots.check)(workspace_id, assistant_id, headers, body)
    # Only now: its address is no secret, and whoever has it could else have the workspace's own calls refused.
    await in_thread(_limit, workspace_id)
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise invalid({"body": ["Post a JSON object."]})
    return found


def _limit(workspace_id: UUID) -> None:
    limiting.hit("rehearsal_calls", str(workspace_id), "bots", words="Too many calls")


async def _answered(asked: Mapping[str, Any], behaviour: Behaviour) -> HttpResponseBase:
    match behaviour.way:
        case "stream":
            return StreamingHttpResponse(_streamed(asked, behaviour), content_type="text/event-stream")
        case "later":
            if not behaviour.breaks:
                _call_back(asked, behaviour)
            return HttpResponse(status=202)
        case "silent":
            await asyncio.sleep(SILENCE_SECONDS)
            return HttpResponse(status=204)
        case "refuses":
            return _refused(behaviour.status)
    await asyncio.sleep(behaviour.first_seconds)
    return JsonResponse(answer(asked, behaviour))


def _refused(status: int) -> HttpResponse:
    headers = {429: {"Retry-After": str(RETRY_AFTER_SECONDS)}, 308: {"Location": "https://elsewhere.invalid/"}}
    made = JsonResponse({"message": "Not on purpose of yours: on that of the rehearsal."}, status=status)
    for key, value in headers.get(status, {}).items():
        made[key] = value
    # A 500 on purpose is no error of ours, and Django would log it as one.
    made._has_been_logged = True  # type: ignore[attr-defined]
    return made


async def _streamed(asked: Mapping[str, Any], behaviour: Behaviour) -> AsyncIterator[bytes]:
    await asyncio.sleep(behaviour.first_seconds)
    for event in events(asked, behaviour):
        yield event
        await asyncio.sleep(behaviour.word_seconds)


def _call_back(asked: Mapping[str, Any], behaviour: Behaviour) -> None:
    task = asyncio.get_running_loop().create_task(_called(asked, behaviour))
    _calling.add(task)
    task.add_done_callback(_calling.discard)


async def _called(asked: Mapping[str, Any], behaviour: Behaviour) -> None:
    url = asked.get("callback_url")
    if not isinstance(url, str) or not rehearsed_bots.calls_back_to(url):
        return
    await asyncio.sleep(behaviour.first_seconds)
    content, headers = json.dumps(answer(asked, behaviour)).encode(), {"Content-Type": "application/json"}
    try:
        taken = await send("POST", url, seconds=CALL_SECONDS, headers=headers, content=content)
    except OutboundError as error:
        logger.warning("the rehearsal's bot could not call back: %s See PUBLIC_BASE_URL.", error.words)
    else:
        logger.info("the rehearsal's bot called back: %s", taken.status)
