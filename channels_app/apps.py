from django.apps import AppConfig


class ChannelsAppConfig(AppConfig):
    name = "channels_app"
    verbose_name = "Channels"

    def ready(self) -> None:
        """Listen to conversations, and tell the rooms below what of theirs is used, sealed and carried here."""
        from channels_app import accounts, carrying, connections, desks, enqueueing, personal, starting
        from channels_app.models import ConnectionSecret
        from channels_app.voice import phone_desk, told
        from convoship.lib import sealed
        from deployments import calls, carriers, person_holders, publishing
        from deployments import starting as port
        from deployments.conversations import message_posted
        from workspaces import secret_hosts, secret_store

        message_posted.connect(enqueueing.on_message_posted, dispatch_uid="channels_app.outbox")
        secret_store.register_users(connections.uses_of_secrets)
        secret_hosts.register_pointings(connections.pointings)
        secret_store.register_told(connections.on_secret_written, of_end=connections.on_secret_deleted)
        publishing.register_answers(connections.answered_by)
        sealed.register(ConnectionSecret, "sealed", accounts.purpose)
        carriers.register(carrying.Connections())
        calls.register(told.Keeper())
        port.register(starting.Starting())
        person_holders.register(personal.Connections())
        desks.register()
        phone_desk.register()
