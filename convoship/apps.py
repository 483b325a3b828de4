from django.apps import AppConfig


class ConvoshipConfig(AppConfig):
    name = "convoship"
    verbose_name = "Convoship"

    def ready(self) -> None:
        """Make the Celery application that of every process: without it a web process would ring at no broker of ours.

        Not in the package itself, as Celery's guide has it: the launcher imports that before anything is installed.
        """
        from convoship import celery

        celery.app.set_default()
