"""WhatsApp over Twilio (twilio.com/docs/whatsapp): the same resource as SMS, with windows, templates and buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from twilio.rest import Client

from channels_app import replies
from channels_app.providers import numbers, sent_files
from channels_app.providers.base import (
    BadTemplate,
    Capability,
    Health,
    Outgoing,
    Planned,
    ProviderError,
    Receipt,
    Template,
)
from channels_app.providers.events import MessageReceived, Wish
from channels_app.providers.sent_files import Carries
from channels_app.providers.twilio import codes, drafts, interactive, setup, templates, texts, words
from channels_app.providers.twilio.forms import DAILY_MESSAGES, START_REPLY, STOP_REPLY, WhatsappForm
from channels_app.providers.twilio.messaging import TwilioMessaging
from deployments.carriers import FilesTaken
from deployments.channel_forms import in_whatsapp, whatsapp
from deployments.models import Conversation, Message

_LONGEST_PLACE = 300
# What WhatsApp takes through Twilio (twilio.com/docs/whatsapp/guidance-whatsapp-media-messages), one with a message.
_MEDIA_BYTES, _PICTURE_BYTES, _STICKER_BYTES = 16 * 1024 * 1024, 5 * 1024 * 1024, 100 * 1024
_OOXML = "application/vnd.openxmlformats-officedocument."
WHATSAPP = Carries(
    "WhatsApp",
    "no files of this kind",
    {
        **dict.fromkeys(("image/jpeg", "image/png"), _PICTURE_BYTES),
        "image/webp": _STICKER_BYTES,
        **dict.fromkeys(("video/mp4", "video/3gpp"), _MEDIA_BYTES),
        **dict.fromkeys(("audio/ogg", "audio/mpeg", "audio/aac", "audio/amr"), _MEDIA_BYTES),
        **dict.fromkeys(
            (
                "application/pdf",
                f"{_OOXML}wordprocessingml.document",
                f"{_OOXML}spreadsheetml.sheet",
                f"{_OOXML}presentationml.presentation",
            ),
            _MEDIA_BYTES,
        ),
    },
    many=10,
    together=10 * _MEDIA_BYTES,
)
LONGEST_CAPTION = 1024
# Stickers and recordings stand alone.
_WITHOUT_CAPTION = frozenset({"image/webp", "audio/ogg", "audio/mpeg", "audio/aac", "audio/amr"})


class TwilioWhatsapp(TwilioMessaging):
    """WhatsApp with a Twilio sender or messaging service."""

    kind = "twilio_whatsapp"
    label = "WhatsApp (Twilio)"
    company = "Twilio"
    set_by_hand = (
        "In Twilio's console: Messaging, Senders, WhatsApp senders, the sender. The inbound address goes into Webhook "
        "URL for incoming messages, with HTTP POST; with a messaging service into Services, the service, "
        "Integration. The status address needs no setting: it goes out with each message."
    )
    purpose = "WhatsApp with a Twilio sender: buttons and lists, templates, the 24-hour window kept, read receipts."
    channel = "whatsapp"
    icon = "message-circle"
    capabilities = frozenset(
        {
            Capability.INTERACTIVE,
            Capability.LOOK_UP,
            Capability.STATUS,
            Capability.CONSENT,
            Capability.CONFIRMS_CONSENT,
            Capability.PACED,
            Capability.METERED,
            Capability.REGISTERS_WEBHOOK,
            Capability.WINDOW,
        }
    )
    config_form = WhatsappForm
    longest_text = texts.LONGEST
    unit = "message"
    units_called = "WhatsApp messages"
    prefix = "whatsapp:"
    # A sender may send 80 a second; more than one in six seconds to one person is not taken well.
    default_rate = 20.0
    default_daily = DAILY_MESSAGES
    daily_field = "daily_messages"
    template_languages = drafts.LANGUAGES
    template_refusals = codes.TEMPLATE_REFUSED

    @classmethod
    def home(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """That of the sender's own number; the sandbox is everybody's, and writes to who joined it."""
        number = str(config.get("from_number", ""))
        return frozenset() if number == setup.SANDBOX else numbers.at_home(number)

    # --- What comes in ----------------------------------------------------------------------------------------------

    def received(self, sid: str, sender: str, form: Mapping[str, str]) -> MessageReceived:
        """What they wrote, tapped or showed; their profile's name, and which message it replies to."""
        event = super().received(sid, sender, form)
        payload = form.get("ButtonPayload") or form.get("ListId", "")
        label = form.get("ButtonText") or form.get("ListTitle", "")
        place = _place(form)
        name = form.get("ProfileName", "").strip()
        text = event.text or label.strip()
        return replace(
            event,
            text=text or place,
            payload=payload,
            wish=_wish(self.wish_of(text, form), text, payload),
            user={"name": name} if name else {},
            handle=form.get("WaId", "").strip()[:100],
            reply_to=form.get("OriginalRepliedMessageSid", "").strip()[:64],
        )

    # --- What goes out ----------------------------------------------------------------------------------------------

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """A template as it is; else with WhatsApp's own buttons where they fit, or in words, a long one in several."""
        planned = []
        for message in messages:
            if message.template:
                content = {"template": dict(message.template), "text": message.text}
                planned.append(Planned("Template", content, [message], is_apart=True))
                continue
            if message.attachments:
                planned += self._with_files(message)
                continue
            types = interactive.types_of(message, _marked)
            if types is not None:
                (words,) = in_whatsapp([replies.as_text(message, whatsapp)])
                content = {"interactive": types, "text": words}
                planned.append(Planned("WhatsApp message", content, [message]))
                continue
            pieces = _split(replies.as_text(message, whatsapp))
            for number, piece in enumerate(pieces, start=1):
                what = "WhatsApp message" if len(pieces) == 1 else f"WhatsApp message {number} of {len(pieces)}"
                planned.append(Planned(what, {"text": piece}, [message]))
        return planned

    def _with_files(self, message: Message) -> list[Planned]:
        """One file with each message: the first with the text below it, where such a file has any."""
        going, linked = WHATSAPP.parted(sent_files.here(message.attachments))
        said = replies.as_text(message, whatsapp)
        text, links = sent_files.with_links(said, linked, self.account.workspace_id)
        pieces, caption = _split(text), ""
        is_captioned = bool(going) and going[0]["content_type"] not in _WITHOUT_CAPTION
        if is_captioned and len(pieces) == 1 and len(pieces[0]) <= LONGEST_CAPTION:
            pieces, caption = [], pieces[0]
        contents: list[dict[str, Any]] = [{"text": piece} for piece in pieces]
        contents += [{"text": "" if place else caption, "files": [item]} for place, item in enumerate(going)]
        for content in contents:
            mine = {file_id: link for file_id, link in links.items() if link in content["text"]}
            content.update({"links": mine} if mine else {})
        many = len(contents)
        names = [f"WhatsApp message {at} of {many}" if many > 1 else "WhatsApp message" for at in range(1, many + 1)]
        return [Planned(what, content, [message]) for what, content in zip(names, contents, strict=True)]

    @classmethod
    def files_taken(cls, config: Mapping[str, Any], address: str) -> FilesTaken | None:
        """All that members may send; what WhatsApp doesn't take as links."""
        return sent_files.taken(WHATSAPP)

    def made_for(self, content: Mapping[str, Any]) -> str:
        """Buttons and lists are contents that are made once in an account."""
        if "interactive" not in content:
            return ""
        return interactive.digest_of([self.account_of(self.account.config), content["interactive"]])

    async def send(self, outgoing: Outgoing) -> Receipt:
        """As any message; buttons that are new are made a content first, which the receipt then names.

        So are those whose content is gone by now: somebody deleted it in Twilio's console.
        """
        types = outgoing.content.get("interactive")
        if not types:
            return await super().send(outgoing)
        if outgoing.made:
            try:
                return await super().send(outgoing)
            except ProviderError as error:
                if error.code != str(codes.NO_SUCH_CONTENT):
                    raise
            # It was refused whole, so nothing went out.
        name = f"{interactive.OURS}{interactive.digest_of(types)[:24]}"
        made = await templates.create(self.account, name, "en", types, {})
        try:
            receipt = await super().send(replace(outgoing, made=made))
        except ProviderError as error:
            error.made = made
            if error.code == str(codes.NO_SUCH_CONTENT):
                error.words = "Twilio does not know the content that was just made for the buttons."
                error.remedy = "Replay it: another one is made. If that goes wrong as well, look at Twilio's status."
            raise
        return replace(receipt, made=made)

    async def fields(self, client: Client, outgoing: Outgoing) -> dict[str, Any]:
        """A template or buttons by their content, or plain words."""
        template = outgoing.content.get("template")
        if template:
            return {"content_sid": template["sid"], "content_variables": templates.as_variables(template["variables"])}
        if outgoing.made:
            return {"content_sid": outgoing.made}
        return await super().fields(client, outgoing)

    @classmethod
    def needs_window(cls, content: Mapping[str, Any]) -> bool:
        """All but a template."""
        return "template" not in content

    @classmethod
    def variables_of(cls, template: Template) -> list[str]:
        """As they stand in its words."""
        return templates.variables_of(template)

    @classmethod
    def fill(cls, template: Template, values: Mapping[str, str]) -> Planned:
        """By `ContentSid` and `ContentVariables`."""
        return templates.fill(template, values)

    @classmethod
    def draft(
        cls, *, name: str, language: str, category: str, body: str, samples: Mapping[str, str], buttons: Sequence[str]
    ) -> Template:
        """As WhatsApp takes it."""
        return drafts.draft(
            name=name, language=language, category=category, body=body, samples=samples, buttons=buttons
        )

    @classmethod
    def check_handing_in(cls, name: str, category: str) -> None:
        """As WhatsApp takes them."""
        errors = drafts.of_handing_in(name, category)
        if errors:
            raise BadTemplate(errors)

    async def templates(self) -> list[Template]:
        """All contents of the account."""
        return await templates.fetch_all(self.account)

    async def submit(self, template: Template) -> Template:
        """Make the content, and hand it in."""
        types = {template.content_type: {"body": template.body, **template.extras}}
        sid = template.sid or await templates.create(
            self.account, template.name, template.language, types, template.variables
        )
        try:
            approval = await templates.hand_in(self.account, sid, template.name, template.category)
        except ProviderError as error:
            error.made = sid
            raise
        return replace(template, sid=sid, approval=approval)

    async def delete_template(self, sid: str) -> None:
        """The content, and WhatsApp's template with it."""
        await templates.delete(self.account, sid)

    @classmethod
    def consent_reply(cls, config: Mapping[str, Any], wish: str) -> str:
        """As configured."""
        if wish == "stop":
            return str(config.get("stop_reply") or STOP_REPLY)
        return str(config.get("start_reply") or START_REPLY)

    async def check(self) -> Health:
        """The account, the sender and the Content API."""
        return await setup.check_whatsapp(self.account)

    @classmethod
    def can_register(cls, config: Mapping[str, Any]) -> bool:
        """A messaging service; a sender of its own has no place for it in Twilio's API."""
        return bool(config.get("messaging_service_sid"))

    async def register_webhook(self) -> Health:
        """At a messaging service; at a sender of its own it is set by hand."""
        return await setup.register_webhook(self.account, is_phone=False)


def _marked(text: str) -> str:
    """A text that goes out in one."""
    return in_whatsapp([whatsapp(text)])[0]


def _split(text: str) -> list[str]:
    """The text in pieces that each fit, with its marks closed and opened anew where it is cut."""
    pieces = in_whatsapp(texts.split(text))
    if all(texts.units(piece) <= texts.MOST for piece in pieces):
        return pieces
    # So many characters had to be kept from being marks that a piece has outgrown what is taken: twice as long at most.
    return in_whatsapp(texts.split(text, texts.LONGEST // 2))


def _wish(said: Wish, text: str, payload: str) -> Wish:
    """What a message says of consent: a tap on *Cancel* is the assistant's, one on a template's *Stop* is not.

    To HELP nobody answers here but the assistant. YES opts in where Twilio takes it so, which here it doesn't: it
    answers whatever was asked last.
    """
    if said == "help" or (said == "start" and words.plain(text) == "yes"):
        return ""
    return "" if payload and not words.is_stop(payload) else said


def _place(form: Mapping[str, str]) -> str:
    """A place that they sent, in words and with a map of it; nothing where there is none."""
    try:
        latitude, longitude = float(form.get("Latitude", "")), float(form.get("Longitude", ""))
    except ValueError:
        return ""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return ""
    named = ", ".join(filter(None, (form.get("Label", "").strip(), form.get("Address", "").strip())))[:_LONGEST_PLACE]
    at = f"{latitude:.6f}, {longitude:.6f}"
    where = (
        f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=17/{latitude:.6f}/{longitude:.6f}"
    )
    return f"Location: {named} ({at})\n{where}" if named else f"Location: {at}\n{where}"
