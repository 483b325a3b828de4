"""`TenantAdmin`: how staff see a tenant model in Django admin. They look; the product's acts change things."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest


class TenantAdmin(admin.ModelAdmin):
    """Read-only, from inside a workspace only (convoship/staff), each field but digests. Django's permissions hold."""

    show_full_result_count = False
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Every column, in the model's order; a digest is nobody's business."""
        return [field.name for field in self.opts.concrete_fields if not isinstance(field, models.BinaryField)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """With Django's `view` permission."""
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")
