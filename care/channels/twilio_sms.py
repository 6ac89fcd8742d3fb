"""Text messages (SMS, and MMS where a picture goes along) through Twilio."""

from care.channels.twilio_client import TwilioMessages


class TwilioSms(TwilioMessages):
    """From a number of ours, E.164, to a number."""
