"""Routes of channels."""

from django.urls import path

from channels_app import webhooks
from channels_app.pages import (
    call_me,
    channels,
    connection,
    deliveries,
    events,
    media,
    new_connection,
    new_message,
    rehearsal,
    settings,
    template_chooser,
    templates,
)
from channels_app.rehearsal import receiving

_ONE = "app/channels/<uuid:connection_id>"
_TEMPLATE = f"{_ONE}/templates/<uuid:template_id>"
_DELIVERY = f"{_ONE}/deliveries/<uuid:delivery_id>"

urlpatterns = [
    path("v1/public/channels/<str:kind>/<str:connection_id>", webhooks.receive, name="channel_webhook"),
    path("v1/public/channels/<str:kind>/<str:connection_id>/<str:part>", webhooks.receive, name="channel_webhook_part"),
    path("rehearsal/<uuid:connection_id>", receiving.stand_in, name="rehearsal_stand_in"),
    path("rehearsal/<uuid:connection_id>/<path:path>", receiving.stand_in, name="rehearsal_stand_in_part"),
    path("app/conversations/new", new_message.conversation_new, name="conversation_new"),
    path("app/conversations/new/standing", new_message.conversation_new_standing, name="conversation_new_standing"),
    path(
        "app/conversations/<uuid:conversation_id>/files/<uuid:media_id>/again",
        media.conversation_file_again,
        name="conversation_file_again",
    ),
    path("app/channels/", channels.channels, name="channels"),
    path("app/channels/new-deployment", channels.channel_deployment_create, name="channel_deployment_create"),
    path("app/channels/new/<str:kind>", new_connection.connection_new, name="connection_new"),
    path("app/channels/rehearse/<str:kind>", rehearsal.rehearsal_new, name="rehearsal_new"),
    path(f"{_ONE}/", connection.connection, name="connection"),
    path(f"{_ONE}/rehearse", rehearsal.connection_rehearse, name="connection_rehearse"),
    path(f"{_ONE}/rehearsal", rehearsal.rehearsal, name="rehearsal"),
    path(f"{_ONE}/rehearsal/live", rehearsal.rehearsal_live, name="rehearsal_live"),
    path(f"{_ONE}/rehearsal/say", rehearsal.rehearsal_say, name="rehearsal_say"),
    path(f"{_ONE}/rehearsal/behave", rehearsal.rehearsal_behave, name="rehearsal_behave"),
    path(f"{_ONE}/rehearsal/act", rehearsal.rehearsal_act, name="rehearsal_act"),
    path(f"{_ONE}/rehearsal/catch-up", rehearsal.rehearsal_catch_up, name="rehearsal_catch_up"),
    path(f"{_ONE}/rehearsal/start-over", rehearsal.rehearsal_start_over, name="rehearsal_start_over"),
    path(f"{_ONE}/test", connection.connection_test, name="connection_test"),
    path(f"{_ONE}/register", connection.connection_register, name="connection_register"),
    path(f"{_ONE}/try", connection.connection_try, name="connection_try"),
    path(f"{_ONE}/call-me", call_me.connection_call_me, name="connection_call_me"),
    path(f"{_ONE}/pause", connection.connection_pause, name="connection_pause"),
    path(f"{_ONE}/enable", connection.connection_enable, name="connection_enable"),
    path(f"{_ONE}/settings", settings.connection_settings, name="connection_settings"),
    path(f"{_ONE}/change", settings.connection_change, name="connection_change"),
    path(f"{_ONE}/rotate", settings.connection_rotate, name="connection_rotate"),
    path(f"{_ONE}/delete", settings.connection_delete, name="connection_delete"),
    path(f"{_ONE}/events", events.connection_events, name="connection_events"),
    path(f"{_ONE}/events/rows", events.connection_events_rows, name="connection_events_rows"),
    path(f"{_ONE}/events/<uuid:event_id>/retry", events.connection_event_retry, name="connection_event_retry"),
    path(f"{_ONE}/templates", templates.connection_templates, name="connection_templates"),
    path(f"{_ONE}/templates/rows", templates.connection_templates_rows, name="connection_templates_rows"),
    path(f"{_ONE}/templates/sync", templates.connection_templates_sync, name="connection_templates_sync"),
    path(f"{_ONE}/templates/new", templates.connection_template_new, name="connection_template_new"),
    path(_TEMPLATE, templates.connection_template, name="connection_template"),
    path(f"{_TEMPLATE}/submit", templates.connection_template_submit, name="connection_template_submit"),
    path(f"{_TEMPLATE}/delete", templates.connection_template_delete, name="connection_template_delete"),
    path(f"{_TEMPLATE}/window", templates.connection_template_window, name="connection_template_window"),
    path(
        "app/conversations/<uuid:conversation_id>/template",
        template_chooser.conversation_template,
        name="conversation_template",
    ),
    path(f"{_ONE}/deliveries", deliveries.connection_deliveries, name="connection_deliveries"),
    path(f"{_ONE}/deliveries/rows", deliveries.connection_deliveries_rows, name="connection_deliveries_rows"),
    path(f"{_ONE}/deliveries/replay", deliveries.connection_deliveries_replay, name="connection_deliveries_replay"),
    path(f"{_ONE}/deliveries/dismiss", deliveries.connection_deliveries_dismiss, name="connection_deliveries_dismiss"),
    path(_DELIVERY, deliveries.connection_delivery, name="connection_delivery"),
    path(f"{_DELIVERY}/live", deliveries.connection_delivery_live, name="connection_delivery_live"),
    path(f"{_DELIVERY}/replay", deliveries.connection_delivery_replay, name="connection_delivery_replay"),
    path(f"{_DELIVERY}/dismiss", deliveries.connection_delivery_dismiss, name="connection_delivery_dismiss"),
]
