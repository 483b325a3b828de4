"""Zendesk's part in a rehearsal, written from its own pages: tickets (Support API), messaging (Conversations API)."""

from channels_app.rehearsal.zendesk.desk import ZendeskDesk

__all__ = ["ZendeskDesk"]
