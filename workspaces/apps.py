from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "workspaces"
    verbose_name = "Workspaces"

    def ready(self) -> None:
        """Name what is sealed here."""
        from convoship.lib import sealed
        from workspaces import secret_store
        from workspaces.models import Secret

        sealed.register(Secret, "sealed", lambda secret: secret_store.purpose(secret.key))
