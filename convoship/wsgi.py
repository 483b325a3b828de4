"""The WSGI door, for the HTTP half where sockets are served by a process of their own."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
application = get_wsgi_application()
