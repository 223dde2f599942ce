"""Password hashes are Mosquitto's own format, and stay as they are while the secret does."""

from __future__ import annotations

import re

from broker_config.passwords import fits, hashed, new_secret, render_passwords

# `mosquitto_passwd -b FILE pole-1 s3cret` of 2.0.11 wrote this.
THEIRS = "$7$101$2MxEZInt+Ny+3X6+$C5G4ZbPZjtCTgQpGLvOTDVweBfXCllmm9JIXcfC6WmilqJgLHNlYrfP0S4Kwr0oqzWZrOVVREMCFZOjr6W9wHQ=="


def test_a_hash_of_mosquitto_passwd_fits_and_another_secret_does_not() -> None:
    assert fits("s3cret", THEIRS)
    assert not fits("s3cret ", THEIRS)


def test_our_hashes_have_the_same_shape_and_differ_by_salt() -> None:
    one, two = hashed("s3cret"), hashed("s3cret")
    assert one != two
    assert fits("s3cret", one)
    assert re.fullmatch(r"\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/=]{88}", one)


def test_what_is_no_hash_fits_nothing() -> None:
    for text in ("", "x", "$7$101$only", "$6$101$aaaa$bbbb", "$7$many$aaaa$bbbb", "$7$101$!$!"):
        assert not fits("", text)


def test_an_unchanged_secret_keeps_its_line() -> None:
    before = {"a": hashed("one"), "b": hashed("two"), "gone": hashed("three")}
    text = render_passwords({"a": "one", "b": "changed"}, before)
    assert f"a:{before['a']}\n" in text
    assert before["b"] not in text
    assert "gone" not in text


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 32
