"""What pages of calls show of members' telephones."""

from __future__ import annotations

from django import template

from channels_app.voice import member_calls
from workspaces.models import User

register = template.Library()


@register.simple_tag
def own_telephone(user: User) -> str:
    """The number at which the member took a call last."""
    return member_calls.number_of(user)
