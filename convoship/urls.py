"""Every HTTP route. `/embed/v1.js` and the sockets are answered in front of Django (convoship/asgi.py)."""

from django.contrib import admin
from django.urls import include, path

from convoship import api_docs
from deployments.api.mail import views as mail
from deployments.api.webhook import stand_in as bot
from deployments.api.webhook import views as webhook

handler400 = "convoship.pages.errors.bad_request"
handler403 = "convoship.pages.errors.forbidden"
handler404 = "convoship.pages.errors.missing"
handler500 = "convoship.pages.errors.broken"

urlpatterns = [
    path("v1/public/runtime/", include("deployments.api.runtime.urls")),
    path("v1/public/mail/<str:provider>/tracking", mail.tracking, name="mail_tracking"),
    path("v1/public/webhook/answers/<str:token>", webhook.answer, name="webhook_answer"),
    path("rehearsal/bots/<uuid:workspace_id>/<uuid:assistant_id>/<str:name>", bot.stand_in, name="rehearsal_bot"),
    path("v1/", include("workspaces.api.urls")),
    path("v1/", include("deployments.api.admin.urls")),
    path("v1/", include("channels_app.api.urls")),
    path("v1/openapi.json", api_docs.openapi, name="openapi"),
    path("v1/docs", api_docs.docs, name="api_docs"),
    path("v1/theme-schema.json", api_docs.theme_schema, name="theme_schema"),
    path("admin/", admin.site.urls),
    path("", include("convoship.pages.urls")),
    path("", include("workspaces.urls")),
    path("", include("deployments.pages.urls")),
    path("", include("channels_app.urls")),
    path("", include("widget.urls")),
]
