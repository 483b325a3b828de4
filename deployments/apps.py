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
            thinking,
            webhook_secrets,
        )
        from deployments.knowledge import embedding
        from deployments.models import AddressKey, IdentitySecret, WebhookSecret
        from deployments.responders import base, llm, scripted, webhook
        from workspaces import secret_hosts, secret_store

        base.register(scripted.ScriptedResponder())
        base.register(llm.LLMResponder())
        base.register(webhook.WebhookResponder())
        secret_store.register_users(thinking.uses_of_secrets)
        secret_store.register_told(secret_hosts.renewed, of_end=secret_hosts.forget)
        secret_hosts.register_pointings(thinking.pointings)
        secret_hosts.register_pointings(embedding.pointings)
        inbox_desk.register()
        scanning.prepare()
        conversations.register_end(handoff.ended)
        conversations.register_end(stopping.ended)
        conversations.register_person(reply_mails.answered)
        secret_store.register_users(embedding.uses_of_secrets)
        secret_store.register_told(embedding.secret_written, of_end=embedding.secret_deleted)
        sealed.register(IdentitySecret, "sealed", identity.purpose)
        sealed.register(WebhookSecret, "sealed", webhook_secrets.purpose)
        sealed.register(AddressKey, "sealed", erased_addresses.purpose)
