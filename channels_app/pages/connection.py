"""A connection's page: how it stands, where its provider calls us, and whether it works."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from channels_app import accounts, connections, desk_users, desks, examples, health, windows
from channels_app.models import Connection
from channels_app.pages import queries
from channels_app.providers import numbers
from channels_app.providers.base import Capability, Finding, Health, Provider
from channels_app.providers.speech_fields import STREAM
from channels_app.voice import calling
from channels_app.voice.media import speech, speech_check
from convoship.lib import limiting
from convoship.lib.outbound import sending
from convoship.lib.problems import Problem
from workspaces import audit, once, refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

# Where buttons that stand on several pages lead back to.
BACK = {
    "overview": "connection",
    "settings": "connection_settings",
    "deliveries": "connection_deliveries",
    "rehearsal": "rehearsal",
}


def head(request: WorkspaceRequest, row: Connection, tab: str) -> dict[str, Any]:
    """What the head of each of its pages shows; `row` is one of `queries.connections`."""
    return {
        "connection": row,
        "kind": accounts.kind_of(row),
        "standing": health.standing(row),
        # Counted where the tabs are drawn, and not every few seconds for a list.
        "failed_events": SimpleLazyObject(lambda: queries.failed_events(row)),
        "has_templates": windows.has_one(row),
        "has_calls": accounts.is_spoken(row),
        "while_paused": health.while_paused(row),
        "tab": tab,
        "may_write": request.actor.may("connections.write"),
    }


@require_safe
@workspace_page("connections.read")
def connection(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The overview."""
    return page(request, queries.connection(connection_id))


def page(request: WorkspaceRequest, row: Connection, *, status: int = 200, **more: Any) -> HttpResponse:
    """Its overview, with what a form on it has to say."""
    shown = head(request, row, "overview")
    lacks = speech_check.lacks(row.config) if row.config.get("mode") == STREAM else []
    context = {
        **shown,
        "addresses": addresses(row),
        **ways_to_try(row),
        "last_test": connections.last_test(row),
        # What its health says is not said twice.
        "speech_lacks": [finding for finding in lacks if finding.words != shown["standing"].words],
        "once": once.mark(),
        **more,
    }
    return render(request, "channels_app/connection.html", context, status=status)


def addresses(connection: Connection) -> list[tuple[str, str, str]]:
    """Where the provider calls us: (id, what it is, address)."""
    if speech.frames_of(connection) is not None:
        return speech.addresses(connection)
    found = [("inbound-url", "Inbound address", accounts.inbound_url(connection))]
    if "fallback" in accounts.kind_of(connection).parts:
        found.append(
            ("fallback-url", "Address where the first one fails", accounts.inbound_url(connection, "fallback"))
        )
    if accounts.kind_of(connection).can(Capability.STATUS):
        found.append(("status-url", "Status address", accounts.inbound_url(connection, "status")))
    return found


def ways_to_try(row: Connection) -> dict[str, Any]:
    """What its test card offers, or the steps after it was made."""
    kind, provider = accounts.kind_of(row), accounts.to_plan(row)
    registers, is_desk = kind.can(Capability.REGISTERS_WEBHOOK), desks.is_desk(row)
    # What looks often needs nobody to call it.
    is_called = registers or (kind.can(Capability.DESK_LOOKS) and row.config.get("poll") != "yes")
    return {
        "is_desk": is_desk,
        "users": desk_users.of(row) if is_desk else None,
        "pastes": provider.to_paste(),
        "by_hand": provider.by_hand,
        "is_signed": provider.is_signed,
        "frames": speech.frames_of(row),
        "examples": examples.types_of(row),
        "writes_to_people": examples.writes_to_people(row),
        "calls_people": calling.calls_people(row),
        "example_number": _example_number(row),
        "registers_webhook": registers,
        "is_set_by_hand": registers and not kind.can_register(row.config),
        # What a stand-in plays is on this server.
        "is_out_of_reach": is_called and not row.is_rehearsal and not settings.PUBLIC_BASE_URL.startswith("https://"),
    }


def _example_number(row: Connection) -> str:
    """A number that what is tried may go to: one of the connection's own country, unless that is not allowed."""
    kind = accounts.kind_of(row)
    if not kind.can(Capability.METERED):
        return ""
    return numbers.example_near(row.config.get("from_number", ""), kind.bounds(row.config).countries)


@form_of("connection")
@never_cache
@waiting_page("connections.write")
def connection_test(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ask the provider whether everything is as it should be."""
    return _asked(request, connection_id, _check)


async def _check(provider: Provider) -> Health:
    return await provider.check()


@form_of("connection")
@never_cache
@waiting_page("connections.write")
def connection_register(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Set our addresses at the provider, where it lets us."""
    with entered(request, "connections.write") as inside:
        row = queries.connection(connection_id)
        if not accounts.kind_of(row).can(Capability.REGISTERS_WEBHOOK):
            raise Http404
        audit.record(inside.actor, "connection.webhook_registered", row)
    return _asked(request, connection_id, _register)


async def _register(provider: Provider) -> Health:
    return await provider.register_webhook()


def _asked(
    request: HttpRequest, connection_id: UUID, ask: Callable[[Provider], Coroutine[Any, Any, Health]]
) -> HttpResponse:
    """What the provider answers. No transaction waits for it."""
    with entered(request, "connections.write") as inside:
        row = queries.connection(connection_id)
        test = connections.as_tested(row)
        provider = connections.provider_to_check(row)
        workspace_id = inside.workspace.id
    found, status = _found(provider, workspace_id, ask)
    if found.learned:
        with entered(request, "connections.write") as inside:
            found = connections.keep_learned(inside.actor, connections.held(connection_id), found)
    if ask is _check and status == 200:
        with entered(request, "connections.write"):
            connections.note_tested(test, found)
    if request.headers.get("HX-Request"):
        # htmx puts only what was answered with success where it belongs.
        with entered(request, "connections.write") as inside:
            context = head(inside, queries.connection(connection_id), "overview")
            # The page that a connection was just made on has no line of how it stands.
            asked_from = urlsplit(request.headers.get("HX-Current-URL", "")).path
            is_anew = asked_from.startswith(reverse("connection", args=[connection_id]))
            return render(inside, "channels_app/test_result.html", {**context, "found": found, "is_anew": is_anew})
    with entered(request, "connections.write") as inside:
        return page(inside, queries.connection(connection_id), found=found, status=status)


def _found(
    provider: Provider | Health, workspace_id: UUID, ask: Callable[[Provider], Coroutine[Any, Any, Health]]
) -> tuple[Health, int]:
    """What was found, or that it was asked for too often; with the page's status."""
    if isinstance(provider, Health):
        return provider, 200
    try:
        limiting.hit("connection_tests", str(workspace_id), words="Too many tests")
    except Problem as problem:
        return Health([Finding(False, problem.detail, problem.hint or "Try again in a minute.")]), 429
    return sending.to_its_end(ask(provider)), 200


@form_of("connection")
@workspace_page("connections.write")
def connection_try(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Send a test event of the chosen type or of every type, or a test message to the number that was typed."""
    row = queries.connection(connection_id)
    address = request.POST.get("address", "").replace("\x00", "")[:40]
    sent, errors = 0, list[str]()
    try:
        with transaction.atomic():
            if "address" in request.POST:
                sent = len(examples.send_message(request.actor, row, address))
            else:
                sent = len(examples.send(request.actor, row, request.POST.get("what", "")))
    except Problem as problem:
        errors = [said for found in problem.errors.values() for said in found]
    if request.headers.get("HX-Request"):
        return render(request, "channels_app/try_result.html", {"connection": row, "sent": sent, "errors": errors})
    if errors:
        return page(request, row, status=422, address=address, try_errors=errors)
    messages.success(request, f"{_events(sent)} on the way. What became of it stands here in a moment.")
    return redirect("connection_deliveries", row.id)


def _events(count: int) -> str:
    return "A test is" if count == 1 else f"{count} tests are"


@form_of("connection")
@workspace_page("connections.write")
def connection_pause(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Send and answer nothing until it is enabled."""
    with refusals.said_as_message(request):
        row = connections.pause(request.actor, connections.held(connection_id))
        messages.success(request, f"{row.name} is paused. {health.while_paused(row)}")
    return back(request, connection_id)


@form_of("connection")
@workspace_page("connections.write")
def connection_enable(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Send and answer again, beginning with what was kept."""
    with refusals.said_as_message(request):
        row = connections.enable(request.actor, connections.held(connection_id))
        then = "Calls are taken again." if accounts.is_spoken(row) else "What waited goes out now."
        messages.success(request, f"{row.name} is enabled. {then}")
    return back(request, connection_id)


def back(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """To the page that the button stood on."""
    return redirect(BACK.get(request.POST.get("from", ""), "connection"), connection_id)
