"""Pages of the workspace's canned replies, and how one gets into a conversation's composer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import canned
from deployments.models import CannedReply
from deployments.pages.composer_files import added
from deployments.pages.composing import Outcome, Typed, shown_again
from deployments.pages.conversation import found
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

_ASKED_OR_SENT = require_http_methods(["GET", "HEAD", "POST"])


class CannedReplyForm(forms.Form):
    """A canned reply. What it may be `canned` says; here it is only taken."""

    shortcut = forms.CharField(
        required=False,
        widget=forms.TextInput(
            {"class": "mono", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
        help_text="Typed after a slash in the composer: /hello",
    )
    title = forms.CharField(required=False, widget=forms.TextInput({"autocomplete": "off"}))
    text = forms.CharField(required=False, strip=False, widget=forms.Textarea({"rows": 6}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.validators.clear()  # the act has words for each thing that they may not be

    @property
    def sent(self) -> dict[str, str]:
        """The fields as they were typed."""
        self.full_clean()
        return {name: str(self.cleaned_data.get(name, "")) for name in self.fields}


@require_safe
@workspace_page("conversations.read")
def canned_replies(request: WorkspaceRequest) -> HttpResponse:
    """All of them, by shortcut."""
    context = {
        "replies": CannedReply.objects.order_by("shortcut"),
        "may_write": request.actor.may("conversations.write"),
    }
    return render(request, "deployments/canned_replies.html", context)


@_ASKED_OR_SENT
@workspace_page("conversations.write")
def canned_reply_new(request: WorkspaceRequest) -> HttpResponse:
    """Keep a new one."""
    if request.method != "POST":
        return _form(request, CannedReplyForm())
    form = CannedReplyForm(request.POST)
    try:
        with transaction.atomic():
            reply = canned.create(request.actor, **form.sent)
    except Problem as problem:
        refusals.put_on(form, problem)
        return _form(request, form, status=422)
    messages.success(request, f"{reply} is kept. Type it in a conversation's composer.")
    return redirect("canned_replies")


@_ASKED_OR_SENT
@workspace_page("conversations.write")
def canned_reply(request: WorkspaceRequest, reply_id: UUID) -> HttpResponse:
    """Change one."""
    with refusals.missing_is_404():
        reply = canned.get(reply_id)
    if request.method != "POST":
        initial = {"shortcut": reply.shortcut, "title": reply.title, "text": reply.text}
        return _form(request, CannedReplyForm(initial=initial), reply)
    form = CannedReplyForm(request.POST)
    before = reply.shortcut
    try:
        with transaction.atomic():
            canned.change(request.actor, reply, **form.sent)
    except Problem as problem:
        refusals.put_on(form, problem)
        reply.shortcut = before
        return _form(request, form, reply, status=422)
    messages.success(request, f"{reply} is saved.")
    return redirect("canned_replies")


def _form(
    request: WorkspaceRequest, form: CannedReplyForm, reply: CannedReply | None = None, status: int = 200
) -> HttpResponse:
    variables = [(f"{{{{{name}}}}}", words) for name, words in canned.VARIABLES.items()]
    context = {"form": form, "reply": reply, "variables": variables}
    return render(request, "deployments/canned_reply.html", context, status=status)


@_ASKED_OR_SENT
@workspace_page("conversations.write")
def canned_reply_delete(request: WorkspaceRequest, reply_id: UUID) -> HttpResponse:
    """Ask, then delete it."""
    with refusals.missing_is_404():
        reply = canned.get(reply_id)
    if request.method == "POST":
        canned.delete(request.actor, reply)
        messages.success(request, f"{reply} is deleted.")
        return redirect("canned_replies")
    context = {
        "reply": reply,
        "question": f"Delete {reply}?",
        "button": "Delete the reply",
        "back": reverse("canned_reply", args=[reply.id]),
    }
    return render(request, "deployments/canned_reply_delete.html", context)


# --- In the composer --------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("conversations.write")
def conversation_replies(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """All of them as this member would send them here: `{replies: [{shortcut, title, text, missing}]}`."""
    values = canned.values_of(found(conversation_id), request.user.public_name)
    rows = []
    for reply in CannedReply.objects.order_by("shortcut"):
        filled = canned.fill(reply, values)
        shown = {"id": str(reply.id), "shortcut": reply.shortcut, "title": reply.title}
        rows.append({**shown, "text": filled.text, "missing": filled.missing})
    return JsonResponse({"replies": rows}, headers={"Cache-Control": "no-store"})


@form_of("conversation")
@waiting_page("conversations.write")
def conversation_insert(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Put the chosen one behind what is typed, for who has no JavaScript; nothing is sent yet."""
    with refusals.missing_is_404():
        typed = replace(Typed.of(request), files=added(request, conversation_id))
    with entered(request, "conversations.write") as inside:
        return _inserted(inside, conversation_id, typed)


def _inserted(request: WorkspaceRequest, conversation_id: UUID, typed: Typed) -> HttpResponse:
    conversation = found(conversation_id)
    chosen = CannedReply.objects.filter(shortcut=request.POST.get("canned", "").replace("\x00", "")).first()
    if chosen is None:
        return shown_again(request, conversation_id, typed, Outcome(error="Choose a reply to insert first."))
    filled = canned.fill_for(chosen, conversation, request.user)
    parts = [part for part in (typed.text.rstrip(), filled.text) if part]
    return shown_again(request, conversation_id, typed.with_text("\n".join(parts)), Outcome(), missing=filled.missing)
