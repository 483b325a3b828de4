"""Pages that span apps."""

from django.urls import path

from convoship.pages import dashboard, health, mailbox

urlpatterns = [
    path("", dashboard.home, name="dashboard"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
    path("mailbox/<str:name>/", mailbox.mail, name="mailbox_mail"),
    path("healthz", health.alive, name="healthz"),
    path("healthz/worker", health.worker, name="healthz_worker"),
    path("readyz", health.ready, name="readyz"),
]
