"""What only the embedded store has: a file that may be in the way, of another format, or no database at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from city_model.faults import ConfigError, Unavailable
from stream_processor.stores.embedded import EmbeddedStore
from stream_processor.stores.open import open_store
from tests.stores.rows import points


def test_an_unknown_url_is_a_configuration_problem() -> None:
    with pytest.raises(ConfigError, match="sqlite:PATH or influx:FILE"):
        open_store("postgres:somewhere")


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is not a database, however long one looks at it " * 40)
    with pytest.raises(Unavailable, match=r"x\.db"):
        EmbeddedStore(tmp_path / "x.db")


def test_a_store_of_another_format_is_not_touched(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "x.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(Unavailable, match="format 99"):
        EmbeddedStore(tmp_path / "x.db")


def test_two_openers_of_one_file_see_each_other(tmp_path: Path) -> None:
    one, other = EmbeddedStore(tmp_path / "x.db"), EmbeddedStore(tmp_path / "x.db")
    one.write(points([("a/pm25", 1, 1.0)]))
    other.write(points([("b/pm25", 1, 2.0), ("a/pm25", 2, 3.0)]))
    assert [(x.series, x.value) for x in one.latest()] == [("a/pm25", 3.0), ("b/pm25", 2.0)]
    one.close()
    other.close()
