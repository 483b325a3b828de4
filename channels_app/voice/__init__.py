"""Calls in which a provider listens and speaks, and our turn engine answers."""
