"""``X-Twilio-Signature``: proof that a webhook comes from Twilio.

The full URL as configured, then every POST parameter's name and value in order of the names;
HMAC-SHA1 of it with the account's auth token; in base 64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(url: str, params: Mapping[str, str], auth_token: str) -> str:
    """The signature of one webhook request.

    The example is the one in Twilio's security documentation:

    >>> sign(
    ...     "https://mycompany.com/myapp.php?foo=1&bar=2",
    ...     {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
    ...      "From": "+14158675309", "To": "+18005551212"},
    ...     "12345",
    ... )
    'RSOYDt4T1cUTdK1PDd93/VVr8B8='
    """
    text = url + "".join(name + params[name] for name in sorted(params))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
