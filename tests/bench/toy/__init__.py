"""Toy servers: Django, Channels and DRF doing the least work that a layer cannot avoid."""
