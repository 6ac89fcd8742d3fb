"""E-mail by SMTP.

An SMTP server can't be asked what it has. As long as the letter itself has not been handed over,
any failure means that it wasn't sent. When the connection breaks after that and before the answer,
nobody can know: the message is not sent again, and a person takes over. A letter that is sent a
second time for another reason carries the same Message-ID, so that mailboxes can tell.
"""

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from care.channels.contract import Kept, Later, Lost, Message, News, Refused, Sent

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
"""What we write to: plain ASCII, one ``@``, a domain with a dot. Nothing in it can end a header."""

_LINK = re.compile(r"https?://[^\s<>\"]+")

UNSUBSCRIBE = {
    "en": "You get this because you asked us for news of your car. Unsubscribe:",
    "zh": "您收到此邮件是因为您同意接收车辆消息。退订：",
}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where our letters are handed over.

    Parameters
    ----------
    host : str
    port : int
    security : str
        ``starttls``, ``tls`` or ``none``.
    user, password : str
        Empty where the server knows us otherwise.
    ca_file : str
        Certificates to trust in place of the system's; empty for those.
    """

    host: str
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password: str = ""
    ca_file: str = ""


class Email:
    """Letters in plain text and HTML, with one-click unsubscribe (RFC 8058).

    Parameters
    ----------
    server : MailServer
    sender : str
        Our address; answers go there.
    timeout_s : float
        No step lasts longer.
    """

    longest = 100_000
    media = False
    tells = False

    def __init__(self, server: MailServer, sender: str, timeout_s: float = 10.0) -> None:
        self._server = server
        self._sender = sender
        self._timeout_s = timeout_s

    def send(self, message: Message) -> Sent | Later | Refused:
        """Hand over one letter."""
        if not ADDRESS.fullmatch(message.to_phone):
            return Refused(553, f"“{message.to_phone}” is not an e-mail address.")
        made = letter(message, self._sender)
        try:
            smtp = self._connect()
        except smtplib.SMTPAuthenticationError as error:
            return Later(f"The mail server doesn't accept our password: {_said(error)}", False, 60)
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"The mail server could not be reached: {error}", unsure=False)
        try:
            return self._hand_over(smtp, message, made)
        finally:
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context(cafile=server.ca_file or None)
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout_s, context=context
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
        try:
            if server.security == "starttls":
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password)
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _hand_over(
        self, smtp: smtplib.SMTP, message: Message, made: EmailMessage
    ) -> Sent | Later | Refused:
        try:
            code, words = smtp.mail(self._sender)
            if code >= 500:  # it is we who may not send: no letter is at fault
                said = _answered(code, words).reason
                return Later(f"{said} MAIL_FROM or SMTP_USER is wrong.", False, 60)
            if code == 250:
                code, words = smtp.rcpt(message.to_phone)
            if code not in (250, 251):
                return _answered(code, words)
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"The mail server hung up: {error}", unsure=False)
        try:
            code, words = smtp.data(made.as_bytes())
        except smtplib.SMTPDataError as error:  # it did not even want to hear the letter
            return _answered(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"The mail server gave no answer ({type(error).__name__}).", unsure=True)
        if code != 250:
            return _answered(code, words)
        return Sent(str(made["Message-ID"]))

    def look(self, message: Message) -> Sequence[Kept] | Later | Lost:
        """Nobody can be asked."""
        return Lost("The mail server did not confirm it: it may have arrived.")

    def news(self, message: Message, sid: str) -> News | Later:
        """Nobody can be asked."""
        return Later("A mail server can't be asked.", unsure=False)


def message_id(message: Message, sender: str) -> str:
    """The same for every attempt at the same message.

    Examples
    --------
    >>> message_id(Message(7, 2, "ada@example.com", "Hi"), "care@lakeside.example")
    '<outreach.7@lakeside.example>'
    """
    return f"<outreach.{message.id}@{sender.rpartition('@')[2]}>"


def letter(message: Message, sender: str) -> EmailMessage:
    """The letter as it is handed over. No word of ours or of a customer's can become a header.

    Examples
    --------
    >>> made = letter(Message(7, 1, "a@b.example", "Hi", subject="x\\r\\nBcc: e@f"), "c@d.example")
    >>> made["Subject"], made["Bcc"]
    ('x Bcc: e@f', None)
    """
    made = EmailMessage(policy=SMTP)
    made["From"] = _address(sender)
    made["To"] = _address(message.to_phone)
    made["Subject"] = " ".join(message.subject.split()) or "Your car"
    made["Message-ID"] = message_id(message, sender)
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Auto-Submitted"] = "auto-generated"
    chinese = any("\u4e00" <= c <= "\u9fff" for c in message.body)
    why = UNSUBSCRIBE["zh" if chinese else "en"]
    plain, html = message.body, _html(message.body)
    if message.unsubscribe_url:
        made["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        plain += f"\n\n--\n{why} {message.unsubscribe_url}\n"
        html += f"<hr><p><small>{_html(f'{why} {message.unsubscribe_url}')}</small></p>"
    made.set_content(plain)
    made.add_alternative(f"<!doctype html><html><body>{html}</body></html>", subtype="html")
    return made


def _address(text: str) -> Address:
    return Address(addr_spec=text)


def _html(text: str) -> str:
    """Text as HTML: nothing in it is markup, links can be followed.

    Examples
    --------
    >>> _html("<b> https://a.example/x?y&z")
    '<p>&lt;b&gt; <a href="https://a.example/x?y&amp;z">https://a.example/x?y&amp;z</a></p>'
    """
    parts, end = [], 0
    for link in _LINK.finditer(text):
        address = escape(link[0])
        parts += [escape(text[end : link.start()]), f'<a href="{address}">{address}</a>']
        end = link.end()
    parts.append(escape(text[end:]))
    return f"<p>{''.join(parts)}</p>".replace("\n", "<br>")


def _answered(code: int, words: bytes | str) -> Later | Refused:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    said = " ".join(said.split())[:200]
    if code >= 500:
        return Refused(code, f"The mail server refused it: {said} ({code}).")
    return Later(f"The mail server asks us to wait: {said} ({code}).", unsure=False)


def _said(error: smtplib.SMTPResponseException) -> str:
    words = error.smtp_error
    return (words.decode("utf-8", "replace") if isinstance(words, bytes) else words)[:200]
