"""Genesys Cloud's Open Messaging as far as a hand-over needs it, and an agent behind it.

Written from Genesys' own pages and software development kits alone; each shape and each answer names its source.
"""

from channels_app.rehearsal.genesys.desk import GenesysDesk

__all__ = ["GenesysDesk"]
