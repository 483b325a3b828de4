"""Zendesk: tickets, and messaging over the switchboard of Sunshine Conversations."""
