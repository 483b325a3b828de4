from django.apps import AppConfig


class ConvoshipConfig(AppConfig):
    name = "convoship"
    verbose_name = "Convoship"
