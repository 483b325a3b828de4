"""The WSGI door, for the HTTP half where sockets are served by a process of their own."""

import os

from django.core.wsgi import get_wsgi_application

from convoship.machine.roles import refuse_unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
application = get_wsgi_application()
refuse_unsafe(os.environ["DATABASE_URL"])
