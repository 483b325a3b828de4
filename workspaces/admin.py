"""Django admin: people who sign in, and the workspaces' own tables."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest

from workspaces.models import ApiKey, AuditEvent, Membership, Secret, SecretHost, User, Workspace
from workspaces.tenant_admin import TenantAdmin


class _LowerCaseEmail(forms.ModelForm):
    """Addresses are kept in lower case."""

    def clean_email(self) -> str:
        """In lower case."""
        return str(self.cleaned_data["email"]).lower()


class NewUserForm(_LowerCaseEmail, AdminUserCreationForm):
    """A user who signs in by e-mail address."""

    class Meta:
        model = User
        fields = ("email",)


class UserForm(_LowerCaseEmail, UserChangeForm):
    """All of a user."""

    class Meta:
        model = User
        fields = ("email", "password", "name", "is_active", "is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class StaffUserAdmin(UserAdmin):
    """People. They are deactivated, never deleted: what they did in workspaces stays readable."""

    form = UserForm
    add_form = NewUserForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "name")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only superusers change staff: else who may edit users could make themselves anything."""
        if obj is not None and obj.is_staff and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: workspaces that staff are not in would lose track of who did what."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Rights are given by superusers alone."""
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*super().get_readonly_fields(request, obj), *rights)


@admin.register(Workspace)
class WorkspaceAdmin(TenantAdmin):
    """The workspace that staff are in."""

    list_display = ("name", "id", "created_at")


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """Who belongs to it."""

    list_display = ("user", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name")


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    """Its keys: prefixes only."""

    list_display = ("name", "prefix", "state", "created_at", "last_used_at", "expires_at", "revoked_at")
    search_fields = ("name", "prefix")


@admin.register(Secret)
class SecretAdmin(TenantAdmin):
    """Its secrets: keys only."""

    list_display = ("key", "hint", "set_by_label", "set_at")
    search_fields = ("key",)
    ordering = ("key",)


@admin.register(SecretHost)
class SecretHostAdmin(TenantAdmin):
    """Where its secrets may be sent."""

    list_display = ("key", "host", "granted_by_label", "granted_at")
    search_fields = ("key", "host")
    ordering = ("key", "host")


@admin.register(AuditEvent)
class AuditEventAdmin(TenantAdmin):
    """Who did what, and when."""

    list_display = ("created_at", "actor_kind", "actor_label", "action", "target_label", "ip")
    list_filter = ("actor_kind", "action")
    search_fields = ("actor_label", "action", "target_label", "target_id")
    ordering = ("-created_at",)
