"""Registers the responder in whatever process loads the settings."""

from django.apps import AppConfig


class StreamingConfig(AppConfig):
    """No models: only a responder."""

    name = "tests.streaming"
    label = "streaming_tests"

    def ready(self) -> None:
        """Make `counting` a kind of assistant."""
        from deployments.responders import base
        from tests.streaming.counting import Counting

        base.register(Counting())
