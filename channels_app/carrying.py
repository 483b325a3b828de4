"""What transcripts ask of connections: where a conversation takes place, and what became of a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.urls import reverse

from channels_app import accounts, consents, inbound_media, template_choice, template_faults, template_use, windows
from channels_app.models import Call, Connection, Consent, ConversationLink, Delivery
from channels_app.models.call import TransferState
from channels_app.models.connection import ConnectionState
from channels_app.voice import phone_desk, transfers
from convoship.lib.actors import Actor
from deployments.carriers import Filled, Offered, Place, TakesCall, Window
from deployments.models import Conversation, Message


class Connections:
    """The carrier that connections are (`deployments.carriers`)."""

    def place_of(self, conversation: Conversation) -> Place | None:
        """The connection, and the person's address at its provider."""
        link = ConversationLink.objects.select_related("connection").filter(conversation=conversation).first()
        if link is None:
            return None
        connection = link.connection
        path = reverse("connection", args=[connection.id])
        # An opt-out elsewhere may hold here, too.
        withdrawn = consents.withdrawal(connection, link.address)
        own = consents.own_of(connection, link.address)
        consent = withdrawn or own
        return Place(
            accounts.kind_of(connection).label,
            connection.name,
            path,
            self._address_of(link, conversation),
            is_open=connection.state == ConnectionState.ACTIVE,
            consent=consent.get_state_display() if consent else "",
            consent_at=consent.changed_at if consent else None,
            may_write=withdrawn is None,
            stopped=" ".join(consents.words_of(withdrawn, connection)) if withdrawn else "",
            stopped_path=self._settings_of(withdrawn, connection),
            settings_path=reverse("connection_settings", args=[connection.id]),
            takes_files=accounts.kind_of(connection).files_taken(connection.config, link.address),
            window=self._window_of(link) if windows.has_one(connection) else None,
            call=self._call_of(conversation) if accounts.is_spoken(connection) else None,
        )

    def _call_of(self, conversation: Conversation) -> TakesCall | None:
        call = phone_desk.call_of(conversation)
        if call is None:
            return None
        transfer = transfers.open_of(call)
        is_bridged = transfer is not None and transfer.state == TransferState.BRIDGED
        ringing = transfers.whom(transfer) if transfer is not None and not is_bridged else ""
        path = reverse("conversation_take_call", args=[conversation.id])
        return TakesCall(path, "channels_app/take_call.html", ringing, is_bridged)

    def _address_of(self, link: ConversationLink, conversation: Conversation) -> str:
        """Of a call the number at its other end, for its address is the call itself."""
        call = Call.objects.filter(conversation=conversation).first() if accounts.is_spoken(link.connection) else None
        return call.other_end if call is not None else link.address

    def again_at(self, message: Message, attachment_id: str) -> str:
        """The button's own address."""
        if not inbound_media.can_be_fetched(attachment_id):
            return ""
        return reverse("conversation_file_again", args=[message.conversation_id, attachment_id])

    def _settings_of(self, withdrawn: Consent | None, connection: Connection) -> str:
        """Those of another connection, where its STOP holds here, too."""
        if withdrawn is None or withdrawn.connection_id == connection.id:
            return ""
        return reverse("connection_settings", args=[withdrawn.connection_id])

    def _window_of(self, link: ConversationLink) -> Window:
        window = windows.of(link.connection, link.address)
        ranked = template_choice.ranked(link.connection)
        offered = [Offered(one.template.sid, one.template.name) for one in ranked]
        own = next((one.template.name for one in ranked if template_choice.is_own(one.template)), "")
        path = template_use.path_for(link.conversation_id)
        return Window(window.closes_at if window else None, path, offered, own)

    def stories_of(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """The timelines of the deliveries that carry these messages. A delivery may carry several in a row."""
        found: dict[UUID, str] = {}
        conversations = {message.conversation_id for message in messages}
        rows = Delivery.objects.filter(conversation__in=conversations, message__isnull=False).select_related("message")
        for delivery in rows.order_by("position"):
            assert delivery.message is not None  # noqa: S101 (filtered)
            for message in messages:
                is_of_it = message.conversation_id == delivery.conversation_id
                if is_of_it and (delivery.first_seq or 0) <= message.seq <= delivery.message.seq:
                    found[message.id] = reverse("connection_delivery", args=[delivery.connection_id, delivery.id])
        return found

    def carried_in(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """Those that the connection's own template carried, as the window was closed."""
        found = Delivery.objects.filter(
            message__in=[one.id for one in messages], content__has_key=template_faults.CARRIES
        )
        rows = found.values_list("message_id", "content__template__name")
        return {message_id: str(name) for message_id, name in rows}

    def repairs_of(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """The pages that send a template in the place of those that wait for the window, or came back for theirs."""
        return template_use.repairs_of(messages)

    def fill_template(self, conversation: Conversation, template_id: str, values: Mapping[str, str]) -> Filled | None:
        """One of the connection's."""
        link = template_use.link_of(conversation)
        return template_use.fill(link, template_id, values) if link is not None else None

    def drop_parked(self, actor: Actor, conversation: Conversation, seq: int) -> None:
        """As a template was sent instead."""
        if template_use.link_of(conversation) is not None:
            template_use.drop(actor, conversation, seq)
