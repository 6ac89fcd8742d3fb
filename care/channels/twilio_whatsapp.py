"""WhatsApp through Twilio: free words for a day after the customer wrote, else approved ones."""

from datetime import datetime, timedelta

from care.channels.twilio_client import TwilioMessages

PREFIX = "whatsapp:"
"""Before a number it makes an address of WhatsApp, as Twilio writes it."""

WINDOW = timedelta(hours=24)
"""How long after the customer's own message we may answer in free words (63016 beyond)."""


class TwilioWhatsapp(TwilioMessages):
    """From our WhatsApp sender, ``whatsapp:+13125550100``, to a WhatsApp address.

    Error 63016 (free words outside the window) comes as a failed delivery, as do 63014 (the person
    blocked us: counts as STOP) and 63024 (the number has no WhatsApp: the next channel is tried).
    """


def in_window(last_inbound_at: datetime | None, now: datetime) -> bool:
    """Whether free words are allowed: the customer wrote, there, within a day.

    Examples
    --------
    >>> now = datetime(2026, 11, 24, 12)
    >>> in_window(now - timedelta(hours=23), now), in_window(now - timedelta(hours=24), now)
    (True, False)
    """
    return last_inbound_at is not None and now - last_inbound_at < WINDOW
