from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    verbose_name = "Assistants and conversations"

    def ready(self) -> None:
        """Fill the registry of what can answer."""
        from deployments.responders import base, scripted

        base.register(scripted.ScriptedResponder())
