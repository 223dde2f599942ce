"""With a real InfluxDB: the token Grafana gets may not write, and what the platform's rules ask finds who is unwell."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_model.registry import City
from dashboards.boards.question import Span
from dashboards.grafana.health import HEALTH_RULES, health_rules
from stream_processor.stores.flux_text import rows_of_csv
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.influx_file import load_influx_file
from stream_processor.stores.influx_setup import READ, WRITE
from stream_processor.stores.open import open_store
from tests.boards.grafana_binds import bound
from tests.console.town import town
from tests.grafana.conftest import Saola
from tests.grafana.server import Grafana
from tests.stores.rows import points

pytestmark = pytest.mark.live
NOW_MS = 1_790_000_000_000


def test_a_token_that_may_write_never_reaches_grafana(saola: Saola, grafana: Grafana, influx_files: Path) -> None:
    code, _, err = saola.on("publish", grafana, "--influx", influx_files / WRITE)
    assert (code, grafana.log) == (2, [])
    assert "token: may write to bucket " in err
    code, _, err = saola.on("publish", grafana, "--influx", influx_files / READ)
    assert (code, err) == (0, "")


def test_each_rule_finds_who_is_unwell_and_nobody_else(influx_files: Path) -> None:
    city: City = town()
    store = open_store(f"influx:{influx_files / WRITE}")
    rows = []
    for one in HEALTH_RULES:
        rows += [(f"well/{one.quantity}", NOW_MS - 9_000, one.above), (f"ill/{one.quantity}", NOW_MS - 9_000, one.above * 1.01)]
        rows += [(f"ill/{one.quantity}", NOW_MS - 60_000, 0.0), (f"gone/{one.quantity}", NOW_MS - one.within_s * 1000 - 1, one.above * 9)]
    store.write(points(rows))
    store.close()
    file = load_influx_file(influx_files / READ)
    client = InfluxClient(file)
    for health, rule in zip(HEALTH_RULES, health_rules(city, file.bucket), strict=True):
        newest = asked(client, rule["data"][0]["model"]["query"])
        limit = rule["data"][2]["model"]["conditions"][0]["evaluator"]
        assert limit == {"type": "gt", "params": [health.above]}
        assert {device: value > health.above for device, value in newest.items()} == {"well": False, "ill": True}, health.name
    client.close()


def asked(client: InfluxClient, flux: str) -> dict[str, float]:
    """The newest value of each device, as Grafana reduces what the query finds at NOW_MS."""
    found = rows_of_csv(client.flux(bound(flux, Span(NOW_MS - 600_000, NOW_MS, 60_000), {})))
    return {row["device"]: float(row["_value"]) for row in found}
