"""E-mail by SMTP. The key is the Message-ID, so a mail that is sent twice is one mail to most readers."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import urlsplit

from city_model.faults import Rejected, Unavailable
from stream_processor.notify.messages import Message
from stream_processor.notify.settings import Channel

_TIMEOUT_S = 20.0


def send(channel: Channel, secret: str, message: Message) -> None:
    """Hand it to the server. See the folder for what is raised."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message.title, channel.sender, ", ".join(channel.to)
    mail["Message-ID"] = f"<{message.key.replace(':', '.')}.{channel.name}@saola>"
    mail.set_content(message.text)
    try:
        with _server(channel) as server:
            if secret:
                server.login(channel.user, secret)
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as err:
        raise Rejected("refused", f"{channel.name}: no recipient is accepted: {sorted(err.recipients)}") from err
    except smtplib.SMTPResponseException as err:
        failure = f"{channel.name}: the mail server says {err.smtp_code} {err.smtp_error!r}"
        if 500 <= err.smtp_code < 600:
            raise Rejected("refused", failure) from err
        raise Unavailable(failure) from err
    except (OSError, smtplib.SMTPException) as err:
        raise Unavailable(f"{channel.name}: {err}") from err


def _server(channel: Channel) -> smtplib.SMTP:
    address = urlsplit(channel.url)
    host = address.hostname or ""
    if address.scheme == "smtps":
        return smtplib.SMTP_SSL(host, address.port or 465, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    return smtplib.SMTP(host, address.port or 25, timeout=_TIMEOUT_S)
