"""Mosquitto's password file, format `$7$`: PBKDF2 with SHA-512 (mosquitto_passwd of 2.0), and the secrets themselves.

A secret is 24 random bytes, so the number of rounds adds nothing; it is kept at mosquitto_passwd's own 101, which lets a
thousand agents come back at once.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

_ROUNDS = 101
_SALT_BYTES = 12
_SECRET_BYTES = 24


def new_secret() -> str:
    """A password nobody has seen: 192 random bits as text."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hashed(secret: str) -> str:
    """What stands behind `user:` in the password file."""
    salt = os.urandom(_SALT_BYTES)
    return f"$7${_ROUNDS}${b64encode(salt).decode()}${b64encode(_derive(secret, salt, _ROUNDS)).decode()}"


def fits(secret: str, stored: str) -> bool:
    """Whether `stored` was made from `secret`; False too for what is not of this format."""
    try:
        _, kind, rounds, salt, key = stored.split("$")
        return kind == "7" and hmac.compare_digest(_derive(secret, b64decode(salt), int(rounds)), b64decode(key))
    except ValueError:
        return False


def read_password_file(path: Path) -> dict[str, str]:
    """User to stored hash; empty when there is no file."""
    if not path.exists():
        return {}
    rows = (line.split(":", 1) for line in path.read_text(encoding="utf-8").splitlines() if ":" in line)
    return dict((user, stored) for user, stored in rows)


def render_passwords(secret_of: Mapping[str, str], before: Mapping[str, str]) -> str:
    """The password file; a user whose secret is unchanged keeps the line of `before`."""
    lines = []
    for user, secret in secret_of.items():
        old = before.get(user, "")
        lines.append(f"{user}:{old if fits(secret, old) else hashed(secret)}")
    return "\n".join(lines) + "\n"


def _derive(secret: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, rounds, 64)
