"""The product's settings, and the responder that counts."""

from convoship.settings import *  # noqa: F403
from convoship.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "tests.streaming.apps.StreamingConfig"]
