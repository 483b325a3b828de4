from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    verbose_name = "Assistants and conversations"

    def ready(self) -> None:
        """Fill the registry of what can answer, and name what is sealed here."""
        from convoship.lib import sealed
        from deployments import (
            conversations,
            erased_addresses,
            handoff,
            identity,
            inbox_desk,
            reply_mails,
            scanning,
            stopping,
        )
        from deployments.models import AddressKey, IdentitySecret
        from deployments.responders import base, scripted

        base.register(scripted.ScriptedResponder())
        inbox_desk.register()
        scanning.prepare()
        conversations.register_end(handoff.ended)
        conversations.register_end(stopping.ended)
        conversations.register_person(reply_mails.answered)
        sealed.register(IdentitySecret, "sealed", identity.purpose)
        sealed.register(AddressKey, "sealed", erased_addresses.purpose)
