"""What a mail to a visitor who has left says: subject, text, HTML and headers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from convoship.lib import names
from deployments import attachments, publishing, reply_links, whereabouts
from deployments.channel_forms import written
from deployments.models import Conversation, Message, ReplyMail
from deployments.safe_text import render_markdown
from deployments.words import language_of, say

LONGEST_SUBJECT = 150
# What a provider's events carry back to us, by the header that its SMTP server reads it from.
MARK = "convoship-mail"


@dataclass(frozen=True)
class Mail:
    """A mail, ready to be sent outside of any transaction."""

    address: str
    sender: str
    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)

    def send(self) -> None:
        """Hand it to the mail server; OSError (SMTPException is one) or ValueError where it does not take it."""
        message = EmailMultiAlternatives(self.subject, self.text, self.sender, [self.address], headers=self.headers)
        message.attach_alternative(self.html, "text/html")
        message.send()


def assistant_of(conversation: Conversation) -> str:
    """The assistant's name as the visitor knows it. Inside `tenant()`."""
    return str(publishing.version(conversation.workspace_id, conversation.version_id).content["name"])


def compose(mail: ReplyMail, messages: Sequence[Message], *, with_link: bool) -> Mail:
    """The mail with these messages of people (at least one). Inside `tenant()`."""
    conversation = mail.conversation
    locale = conversation.locale
    assistant, person = assistant_of(conversation), messages[-1].author_name
    link = reply_links.continue_url(mail.id) if with_link else ""
    stop = reply_links.stop_url(mail.id)
    words = {
        "intro": say("mail_intro", locale, assistant=assistant),
        "button": say("mail_continue", locale),
        "link": say("mail_link", locale) if link else say("mail_closed", locale),
        "why": say("mail_why", locale, place=_place(conversation)),
        "stop": say("mail_stop", locale),
        "no_reply": say("mail_no_reply", locale),
    }
    said = [(message.author_name, message.text, _files(message)) for message in messages]
    parts = [words["intro"]]
    parts += [_quoted(name, text, files) for name, text, files in said]
    parts += [f"{words['button']}:\n{link}", words["link"]] if link else [words["link"]]
    parts += [words["no_reply"], f"{words['why']} {words['stop']}:\n{stop}"]
    html = render_to_string(
        "deployments/mail/reply.html",
        {
            "language": language_of(locale),
            "words": words,
            "said": [(name, SafeString(render_markdown(text)), files) for name, text, files in said],
            "link": link,
            "stop": stop,
        },
    )
    key = "mail_subject" if person else "mail_subject_unnamed"
    subject = names.line(say(key, locale, person=person, assistant=assistant))
    headers = {
        "Message-ID": message_id(mail),
        # What is mailed about one conversation stands together, whatever is sent once more: a root that nobody sent,
        # as RFC 5256 reckons with.
        "References": f"<conversation-{conversation.id.hex}@{_host()}>",
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        # RFC 3834: no vacation notice is wanted in return.
        "Auto-Submitted": "auto-generated",
        **tracking_headers(mail),
    }
    return Mail(mail.address, _sender(assistant), subject[:LONGEST_SUBJECT], "\n\n".join(parts) + "\n", html, headers)


def message_id(mail: ReplyMail) -> str:
    """The mail's Message-ID, from which a provider's event leads back to its row.

    The same at every attempt until a server has refused it for good. Source: RFC 5322 3.6.4: what is sent again
    unchanged is the same message, a new instance of it is another.
    """
    again = f".{mail.renewals}" if mail.renewals else ""
    return f"<reply-{mail.id.hex}{again}@{_host()}>"


def _host() -> str:
    return str(urlsplit(settings.PUBLIC_BASE_URL).hostname)


def tracking_headers(mail: ReplyMail) -> dict[str, str]:
    """What has the configured provider name the mail in its events (django-anymail's names for each).

    Source: Postmark "Custom metadata with SMTP", Mailgun "Attaching metadata to messages", SendGrid "X-SMTPAPI:
    unique_args", Brevo "X-Mailin-custom"; Resend gives back custom headers as they are.
    """
    name = f"{mail.id}.{mail.renewals}" if mail.renewals else str(mail.id)
    mark = {MARK: name}
    match settings.EMAIL_TRACKING:
        case "postmark":
            return {f"X-PM-Metadata-{MARK}": name}
        case "mailgun":
            return {"X-Mailgun-Variables": json.dumps(mark)}
        case "sendgrid":
            return {"X-SMTPAPI": json.dumps({"unique_args": mark})}
        case "brevo":
            return {"X-Mailin-custom": json.dumps(mark)}
        case "resend":
            return {"X-Metadata": json.dumps(mark)}
    return {}


def _sender(assistant: str) -> str:
    """Our own address under the assistant's name."""
    return formataddr((names.line(assistant), parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _files(message: Message) -> str:
    return attachments.preview(message.attachments)


def _quoted(name: str, text: str, files: str) -> str:
    body = "\n".join(part for part in (written(text), f"[{files}]" if files else "") if part)
    return f"{name}:\n{body}" if name else body


def _place(conversation: Conversation) -> str:
    """Where the visitor gave their address: the site, or whose it is where it has no name."""
    return whereabouts.site_of(conversation.origin) or conversation.workspace.name
