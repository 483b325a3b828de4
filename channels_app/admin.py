"""Django admin: connections and what went over them. To be looked at from inside a workspace."""

from __future__ import annotations

from django.contrib import admin

from channels_app import call_admin as call_admin  # (registers the tables of calls)
from channels_app.models import (
    Connection,
    ConnectionSecret,
    Consent,
    ConsentChange,
    ConversationLink,
    Delivery,
    DeliveryAttempt,
    DeskCase,
    InboundEvent,
    InboundMedia,
    InteractiveContent,
    MessageTemplate,
    RefusedRequest,
    Rehearsal,
    RehearsalLine,
    RehearsalPicture,
    ServiceWindow,
    SpendingCount,
    TemplateSync,
)
from workspaces.tenant_admin import TenantAdmin


@admin.register(Connection)
class ConnectionAdmin(TenantAdmin):
    """Links to providers; keys of secrets, never values."""

    list_display = ("name", "kind", "assistant", "state", "fault", "failures", "last_inbound_at", "last_outbound_at")
    list_select_related = ("assistant",)
    list_filter = ("kind", "state")
    search_fields = ("name",)
    ordering = ("-created_at",)


@admin.register(ConnectionSecret)
class ConnectionSecretAdmin(TenantAdmin):
    """That a connection has secrets of its own; nothing of them but their last characters."""

    list_display = ("connection", "which", "hint", "created_at", "expires_at")
    list_select_related = ("connection",)
    ordering = ("-created_at",)


@admin.register(ConversationLink)
class ConversationLinkAdmin(TenantAdmin):
    """Where at a provider conversations take place."""

    list_display = ("address", "connection", "conversation", "is_current", "position")
    list_select_related = ("connection", "conversation")
    search_fields = ("address",)


@admin.register(InboundMedia)
class InboundMediaAdmin(TenantAdmin):
    """Files that came with messages, and what became of them."""

    list_display = ("message", "place", "connection", "said_type", "state", "reason", "tries", "due_at", "created_at")
    list_select_related = ("connection", "message")
    list_filter = ("state",)


@admin.register(RehearsalPicture)
class RehearsalPictureAdmin(TenantAdmin):
    """Files that phones of rehearsals sent."""

    list_display = ("name", "content_type", "connection", "created_at")
    list_select_related = ("connection",)
    exclude = ("content",)


@admin.register(InboundEvent)
class InboundEventAdmin(TenantAdmin):
    """What providers told us."""

    list_display = ("key", "kind", "connection", "lane", "state", "reason", "copies", "attempts", "received_at")
    list_select_related = ("connection",)
    list_filter = ("kind", "state")
    search_fields = ("key", "lane")
    ordering = ("-received_at",)


@admin.register(RefusedRequest)
class RefusedRequestAdmin(TenantAdmin):
    """Requests that were not genuine, counted."""

    list_display = ("connection", "reason", "detail", "hour", "count", "last_at")
    list_select_related = ("connection",)
    list_filter = ("reason",)
    ordering = ("-last_at",)


@admin.register(Delivery)
class DeliveryAdmin(TenantAdmin):
    """What was sent and has to be."""

    list_display = ("what", "address", "connection", "status", "reason", "attempts", "due_at", "created_at")
    list_select_related = ("connection",)
    list_filter = ("status", "is_test")
    search_fields = ("address", "provider_id")
    ordering = ("-created_at",)


@admin.register(DeskCase)
class DeskCaseAdmin(TenantAdmin):
    """Cases as desks outside the house know them, and how looking at them goes."""

    list_display = ("key", "connection", "number", "taken_at", "closed_at", "looked_at", "failures", "trouble")
    list_select_related = ("connection",)
    search_fields = ("key", "ref", "number")
    ordering = ("-opened_at",)


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(TenantAdmin):
    """Every try."""

    list_display = ("delivery", "number", "outcome", "http_status", "code", "reason", "milliseconds", "started_at")
    list_select_related = ("delivery",)
    list_filter = ("outcome",)
    ordering = ("-started_at",)


@admin.register(Consent)
class ConsentAdmin(TenantAdmin):
    """Who may be written to."""

    list_display = ("address", "connection", "state", "changed_at")
    list_select_related = ("connection",)
    list_filter = ("state",)
    search_fields = ("address",)
    ordering = ("-changed_at",)


@admin.register(ConsentChange)
class ConsentChangeAdmin(TenantAdmin):
    """How that came about."""

    list_display = ("consent", "state", "source", "at")
    list_select_related = ("consent",)
    ordering = ("-at",)


@admin.register(SpendingCount)
class SpendingCountAdmin(TenantAdmin):
    """What was let go in a day or an hour."""

    list_display = ("connection", "what", "whose", "since", "count")
    list_select_related = ("connection",)
    list_filter = ("what",)
    search_fields = ("whose",)
    ordering = ("-since",)


@admin.register(Rehearsal)
class RehearsalAdmin(TenantAdmin):
    """How stand-ins behave."""

    list_display = ("connection", "fault", "fault_calls", "reports")
    list_select_related = ("connection",)


@admin.register(RehearsalLine)
class RehearsalLineAdmin(TenantAdmin):
    """What passed between a stand-in and us."""

    list_display = ("connection", "kind", "address", "status", "answer_status", "note", "created_at")
    list_select_related = ("connection",)
    list_filter = ("kind",)
    ordering = ("-created_at",)


@admin.register(ServiceWindow)
class ServiceWindowAdmin(TenantAdmin):
    """Until when free words may be sent."""

    list_display = ("address", "connection", "wrote_at", "closes_at")
    list_select_related = ("connection",)
    search_fields = ("address",)
    ordering = ("-closes_at",)


@admin.register(MessageTemplate)
class MessageTemplateAdmin(TenantAdmin):
    """Templates as the provider last told of them."""

    list_display = ("name", "language", "connection", "category", "approval", "is_gone", "synced_at")
    list_select_related = ("connection",)
    list_filter = ("approval", "is_gone")
    search_fields = ("name", "sid")
    ordering = ("name", "language")


@admin.register(TemplateSync)
class TemplateSyncAdmin(TenantAdmin):
    """When they were fetched."""

    list_display = ("connection", "synced_at", "due_at", "fault")
    list_select_related = ("connection",)
    ordering = ("due_at",)


@admin.register(InteractiveContent)
class InteractiveContentAdmin(TenantAdmin):
    """Buttons and lists that were made at the provider."""

    list_display = ("sid", "connection", "digest", "created_at")
    list_select_related = ("connection",)
    ordering = ("-created_at",)
