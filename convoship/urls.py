"""Every HTTP route. `/embed/v1.js` and the sockets are answered in front of Django (convoship/asgi.py)."""

from django.contrib import admin
from django.urls import include, path

handler400 = "convoship.pages.errors.bad_request"
handler403 = "convoship.pages.errors.forbidden"
handler404 = "convoship.pages.errors.missing"
handler500 = "convoship.pages.errors.broken"

urlpatterns = [
    path("v1/public/runtime/", include("deployments.api.runtime.urls")),
    path("admin/", admin.site.urls),
]
