"""Calls that a provider listens to and speaks in: what is said, turn by turn, and how each of them ends."""
