"""Django admin: calls, what was heard and said in them, and where they were led. To be looked at from a workspace."""

from __future__ import annotations

from django.contrib import admin

from channels_app.models import (
    Call,
    CallCourse,
    CallRecording,
    CallSpeech,
    CallStep,
    CallTransfer,
    CallTurn,
    MemberTelephone,
    RecordingPart,
    RehearsalCall,
    RelayTicket,
)
from workspaces.tenant_admin import TenantAdmin


@admin.register(Call)
class CallAdmin(TenantAdmin):
    """Calls, and how they ended."""

    list_display = ("sid", "connection", "direction", "mode", "state", "outcome", "reason", "began_at", "ended_at")
    list_select_related = ("connection",)
    list_filter = ("state", "outcome", "mode")
    search_fields = ("sid", "caller", "called")
    ordering = ("-began_at",)


@admin.register(CallTurn)
class CallTurnAdmin(TenantAdmin):
    """What callers said or pressed, and how long the answers took."""

    list_display = ("call", "number", "keys", "confidence", "heard_at", "responder_ms", "platform_ms", "error")
    list_select_related = ("call",)
    ordering = ("-heard_at",)


@admin.register(CallSpeech)
class CallSpeechAdmin(TenantAdmin):
    """How much of an answer was heard."""

    list_display = ("message", "call", "state")
    list_select_related = ("call", "message")
    list_filter = ("state",)


@admin.register(CallStep)
class CallStepAdmin(TenantAdmin):
    """The story of calls."""

    list_display = ("call", "at", "kind", "words", "remedy")
    list_select_related = ("call",)
    list_filter = ("kind",)
    ordering = ("-at",)


@admin.register(RelayTicket)
class RelayTicketAdmin(TenantAdmin):
    """What let sockets into calls."""

    list_display = ("call", "expires_at", "spent_at", "session")
    list_select_related = ("call",)
    ordering = ("-expires_at",)


@admin.register(CallTransfer)
class CallTransferAdmin(TenantAdmin):
    """Attempts to put calls through to people."""

    list_display = ("call", "manner", "to", "name", "state", "reason", "began_at", "bridged_at", "ended_at")
    list_select_related = ("call",)
    list_filter = ("state", "manner")
    ordering = ("-began_at",)


@admin.register(CallCourse)
class CallCourseAdmin(TenantAdmin):
    """Where calls were led since people were asked for."""

    list_display = ("call", "place", "placed_at", "rounds", "due_at", "attempts", "reason")
    list_select_related = ("call",)
    list_filter = ("place",)


@admin.register(CallRecording)
class CallRecordingAdmin(TenantAdmin):
    """Audio of calls, and what became of it."""

    list_display = ("sid", "call", "kind", "state", "seconds", "reason", "attempts", "due_at", "created_at")
    list_select_related = ("call",)
    list_filter = ("kind", "state")
    search_fields = ("sid",)
    ordering = ("-created_at",)


@admin.register(RecordingPart)
class RecordingPartAdmin(TenantAdmin):
    """Seconds of recordings that are not put together yet. What is said in them is not shown."""

    list_display = ("recording", "number")
    list_select_related = ("recording",)


@admin.register(MemberTelephone)
class MemberTelephoneAdmin(TenantAdmin):
    """At which numbers members have calls put through to them."""

    list_display = ("member", "number", "changed_at")
    list_select_related = ("member",)


@admin.register(RehearsalCall)
class RehearsalCallAdmin(TenantAdmin):
    """Calls of rehearsals, as the stand-in's API knows them."""

    list_display = ("sid", "connection", "direction", "status", "began_at", "ended_at")
    list_select_related = ("connection",)
    ordering = ("-began_at",)
