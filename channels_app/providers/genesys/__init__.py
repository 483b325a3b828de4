"""Genesys Cloud: hand-overs as interactions of Open Messaging."""
