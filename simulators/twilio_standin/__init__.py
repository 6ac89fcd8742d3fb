"""A stand-in for Twilio's Messages API (2010-04-01) and Content API, for tests and the demo.

The unmodified Twilio client talks to it once its base URL is redirected::

    client = Client("AC…", token)
    client.api.base_url = client.content.base_url = "http://127.0.0.1:PORT"

`messages` holds what Twilio would remember and decide (no sockets there), `network` what takes
time: delivery, status callbacks, inbound webhooks. `app` is the HTTP surface, with a control API
under ``/_standin`` and the phones as chats on ``/``. Behaviour follows Twilio's documentation of
the Message resource, of webhook signatures, of SMS STOP filtering and of the error dictionary.
"""

from simulators.twilio_standin.server import RunningStandin

__all__ = ["RunningStandin"]
