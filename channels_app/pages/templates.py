"""The Templates tab of a WhatsApp connection: what there is, what WhatsApp says of it, and new ones."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from channels_app import template_making, template_sync
from channels_app.models import Connection, MessageTemplate, TemplateSync
from channels_app.models.connection import ConnectionState
from channels_app.models.template import Approval
from channels_app.pages import queries, template_preview
from channels_app.pages.connection import head
from channels_app.pages.template_form import CATEGORIES, HandInForm, TemplateForm
from channels_app.template_making import Handed
from convoship.lib import limiting
from convoship.lib.problems import Problem
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

TONES = {
    Approval.APPROVED: "good",
    Approval.REJECTED: "bad",
    Approval.DISABLED: "bad",
    Approval.PAUSED: "warn",
    Approval.RECEIVED: "accent",
    Approval.PENDING: "accent",
}
# What there is to know about each, where WhatsApp gives no reason of its own.
WORDS = {
    Approval.UNSUBMITTED: "Nobody has looked at it: hand it in.",
    Approval.RECEIVED: "WhatsApp has it, and looks at it within minutes, sometimes a day.",
    Approval.PENDING: "WhatsApp looks at it: minutes mostly, sometimes a day.",
    Approval.APPROVED: "",
    Approval.REJECTED: "WhatsApp gave no reason.",
    Approval.PAUSED: "People complained about it, so WhatsApp holds it back for some hours.",
    Approval.DISABLED: "WhatsApp has switched it off for good. Make one with other words.",
    Approval.UNKNOWN: "Twilio names a state that Convoship does not know.",
}


def _connection(connection_id: UUID) -> Connection:
    row = queries.connection(connection_id)
    with refusals.missing_is_404():
        template_making.require_templates(row)
    return row


def _rows(connection: Connection) -> QuerySet[MessageTemplate]:
    return MessageTemplate.objects.filter(connection=connection).select_related("connection")


def _about(row: MessageTemplate) -> dict[str, Any]:
    """How a template stands."""
    approval = Approval(row.approval)
    return {
        "row": row,
        "tone": "" if row.is_gone else TONES.get(approval, ""),
        "called": "Gone" if row.is_gone else approval.label,
        "words": "It is no longer at Twilio." if row.is_gone else row.rejection_reason or WORDS[approval],
        "costs": CATEGORIES.get(row.category, "Its category is chosen when it is handed in."),
        "is_for_window": template_making.is_for_window(row),
    }


def _listing(request: WorkspaceRequest, connection_id: UUID) -> dict[str, Any]:
    connection = _connection(connection_id)
    sync = TemplateSync.objects.filter(connection=connection).first()
    is_due = sync is not None and sync.due_at <= timezone.now() and connection.state == ConnectionState.ACTIVE
    return {
        **head(request, connection, "templates"),
        "rows": [_about(row) for row in template_making.listed(connection)],
        "sync": sync,
        "is_syncing": is_due,
    }


@require_safe
@workspace_page("connections.read")
def connection_templates(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The list."""
    return render(request, "channels_app/templates.html", _listing(request, connection_id))


@require_safe
@workspace_page("connections.read")
def connection_templates_rows(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The part that changes, fetched again every few seconds."""
    return render(request, "channels_app/templates_live.html", _listing(request, connection_id))


@form_of("connection_templates")
@workspace_page("connections.write")
def connection_templates_sync(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Fetch them now."""
    connection = _connection(connection_id)
    template_sync.ask(request.actor, connection)
    if connection.state == ConnectionState.ACTIVE:
        messages.success(request, "The templates are being fetched. They stand here in a moment.")
    else:
        messages.info(request, f"The templates are fetched as soon as {connection.name} is enabled.")
    return redirect("connection_templates", connection.id)


# --- One of them ------------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("connections.read")
def connection_template(request: WorkspaceRequest, connection_id: UUID, template_id: UUID) -> HttpResponse:
    """What it says, how it stands, and what can be done with it."""
    return _one(request, _connection(connection_id), template_id)


def _one(
    request: WorkspaceRequest, connection: Connection, template_id: UUID, form: HandInForm | None = None
) -> HttpResponse:
    row = get_object_or_404(_rows(connection), id=template_id)
    is_open = not row.is_gone and row.approval in template_making.OPEN
    context = {
        **head(request, connection, "templates"),
        "about": _about(row),
        "template": row,
        "preview": template_preview.of(row),
        "form": (form or HandInForm(initial={"name": row.name, "category": row.category})) if is_open else None,
        "unfit": template_making.fits_window(row),
        "is_deletable": template_making.is_deletable(row),
    }
    return render(request, "channels_app/template.html", context, status=422 if form and form.errors else 200)


@form_of("connection_templates")
@workspace_page("connections.write")
def connection_template_window(request: WorkspaceRequest, connection_id: UUID, template_id: UUID) -> HttpResponse:
    """Let it carry what a closed window stops (`on`), or no more."""
    connection = _connection(connection_id)
    row = get_object_or_404(_rows(connection), id=template_id)
    on = request.POST.get("on") == "yes"
    with refusals.said_as_message(request):
        template_making.use_for_window(request.actor, row, on=on)
        said = "now carries what a closed window stops" if on else "no longer carries what a closed window stops"
        messages.success(request, f"{row.name} {said}.")
    return redirect("connection_template", connection.id, row.id)


# --- Handing in -------------------------------------------------------------------------------------------------------


@form_of("connection_templates")
@never_cache
@waiting_page("connections.write")
def connection_template_submit(request: HttpRequest, connection_id: UUID, template_id: UUID) -> HttpResponse:
    """Hand one in that is there already."""
    with entered(request, "connections.write") as inside:
        connection = _connection(connection_id)
        row = get_object_or_404(_rows(connection), id=template_id)
        form = HandInForm(request.POST)
        template = form.template(row)
        try:
            provider = _provider(inside, connection) if template else None
        except Problem as problem:
            form.add_error(None, refusals.words_of(problem))
            provider = None
        if template is None or provider is None:
            if row.is_gone or row.approval not in template_making.OPEN:
                # Its page has no such form any more.
                messages.error(inside, " ".join(str(said) for said in form.non_field_errors()))
                return redirect("connection_template", connection.id, row.id)
            return _one(inside, connection, template_id, form)
    return _told(request, connection_id, template_making.hand_in(provider, template))


def _provider(request: WorkspaceRequest, connection: Connection) -> Any:
    provider = template_making.provider_of(connection)
    limiting.hit("connection_tests", str(request.workspace.id), words="Too many calls to Twilio")
    return provider


def _told(request: HttpRequest, connection_id: UUID, handed: Handed) -> HttpResponse:
    """To the template's page, with what came of it."""
    with entered(request, "connections.write") as inside, refusals.missing_is_404():
        row = template_making.note(inside.actor, connection_id, handed)
        if row is None:
            raise AssertionError("what is handed in again is there")
        if handed.error is None:
            messages.success(request, "It is handed in. WhatsApp looks at it within minutes, sometimes a day.")
        else:
            words = f"{handed.error.words} {handed.error.remedy}"
            messages.error(request, f"The template is at Twilio, and not handed in to WhatsApp. {words}")
        return redirect("connection_template", connection_id, row.id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@waiting_page("connections.write")
def connection_template_new(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """A new one: the form, and what comes of it. It is made at Twilio and handed in at once."""
    with entered(request, "connections.write") as inside:
        connection = _connection(connection_id)
        if request.method != "POST":
            return _new(inside, connection, TemplateForm(connection, initial=_like(inside, connection)))
        if once.was_sent(inside):
            messages.info(request, "That was sent already: the template is in the list, or will be in a moment.")
            return redirect("connection_templates", connection.id)
        form = TemplateForm(connection, request.POST)
        template = form.draft()
        try:
            provider = _provider(inside, connection) if template else None
        except Problem as problem:
            form.add_error(None, refusals.words_of(problem))
            provider = None
        if template is None or provider is None:
            return _new(inside, connection, form)
        once.spend(inside)
    handed = template_making.hand_in(provider, template)
    if handed.template.sid or handed.error is None:
        return _told(request, connection_id, handed)
    with entered(request, "connections.write") as inside:
        template_making.note(inside.actor, connection_id, handed)
        connection = _connection(connection_id)
        form.add_error(None, refusals.words_of(template_making.refused(handed.error)))
        return _new(inside, connection, form)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@waiting_page("connections.write")
def connection_template_delete(request: HttpRequest, connection_id: UUID, template_id: UUID) -> HttpResponse:
    """Ask, then delete one that nothing is sent with, at Twilio and here."""
    with entered(request, "connections.write") as inside:
        connection = _connection(connection_id)
        row = get_object_or_404(_rows(connection), id=template_id)
        provider = None
        try:
            template_making.require_deletable(row)
            if request.method != "POST":
                return _ask_to_delete(inside, connection, row)
            provider = None if row.is_gone else _provider(inside, connection)
        except Problem as problem:
            messages.error(inside, refusals.words_of(problem))
            return redirect("connection_template", connection.id, row.id)
        name, sid = row.name, row.sid
    error = template_making.delete_there(provider, sid) if provider is not None else None
    with entered(request, "connections.write") as inside:
        if error is not None:
            messages.error(inside, f"{name} is not deleted. {error.words} {error.remedy}")
            return redirect("connection_template", connection_id, template_id)
        template_making.note_deleted(inside.actor, connection_id, sid)
        messages.success(inside, f"{name} is deleted.")
        return redirect("connection_templates", connection_id)


def _ask_to_delete(request: WorkspaceRequest, connection: Connection, row: MessageTemplate) -> HttpResponse:
    context = {
        "template": row,
        "question": f"Delete {row.name}?",
        "button": "Delete the template",
        "back": reverse("connection_template", args=[connection.id, row.id]),
    }
    return render(request, "channels_app/template_delete.html", context)


def _like(request: WorkspaceRequest, connection: Connection) -> dict[str, Any]:
    """What the form begins with: nothing, or another template (`?like=`)."""
    try:
        like = UUID(request.GET.get("like", ""))
    except ValueError:
        return {"language": "en"}
    row = _rows(connection).filter(id=like).first()
    return TemplateForm.like(row) if row is not None else {"language": "en"}


def _new(request: WorkspaceRequest, connection: Connection, form: TemplateForm) -> HttpResponse:
    context = {**head(request, connection, "templates"), "form": form, "once": once.mark()}
    return render(request, "channels_app/template_new.html", context, status=422 if form.errors else 200)
