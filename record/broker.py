"""Mosquitto's users: who may connect, and what each may say and hear.

A vehicle signs in with its VIN and may publish only under it. Its password follows from the VIN and
one secret, so that a factory, a gateway or a simulator can compute it and nobody keeps a list.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Iterable

HASH_ITERATIONS = 101
"""PBKDF2 rounds, as ``mosquitto_passwd`` 2.0 uses them: our passwords are 128 bits of chance or
HMAC already, so more rounds would slow down a fleet that signs in again and protect nothing."""

ACCESS = """\
# ingest hears every vehicle and tells each which of its frames are stored.
user ingest
topic read vehicles/#
topic write vehicles/+/stored

# The simulator may speak for any vehicle.
user simulator
topic readwrite vehicles/#

# A vehicle speaks under its own VIN only, and hears its own receipts.
pattern write vehicles/%u/#
pattern read vehicles/%u/stored
"""
"""The broker's ``acl_file``."""

_USER = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def vehicle_password(secret: str, vin: str) -> str:
    """The MQTT password of a vehicle: HMAC-SHA256 of its VIN, 128 bits in hexadecimal.

    Examples
    --------
    >>> vehicle_password("fleet secret", "WVWZZZ1KZAW000001")
    '6f49d4d67d6cfebcb53a0dd24fda543d'
    """
    return hmac.digest(secret.encode(), vin.encode(), "sha256")[:16].hex()


def password_line(user: str, password: str) -> str:
    """One line of a Mosquitto ``password_file``: ``user:$7$rounds$salt$PBKDF2-SHA512``.

    Raises
    ------
    ValueError
        If the name could break the file, or a topic (``/``, ``+``, ``#``).

    Examples
    --------
    >>> password_line("WVWZZZ1KZAW000001", "secret").split("$")[1:3]
    ['7', '101']
    """
    if not _USER.fullmatch(user):
        raise ValueError(f"not a broker user name (letters, digits, _ . - only): {user!r}")
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, HASH_ITERATIONS)
    salt64, key64 = (base64.b64encode(part).decode() for part in (salt, key))
    return f"{user}:$7${HASH_ITERATIONS}${salt64}${key64}\n"


def vehicle_lines(secret: str, vins: Iterable[str]) -> str:
    """Lines of a ``password_file`` for many vehicles."""
    return "".join(password_line(vin, vehicle_password(secret, vin)) for vin in vins)
