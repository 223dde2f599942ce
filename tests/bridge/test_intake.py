"""What becomes of each message: the good is kept, the bad is a dead letter with its reason, and the sender is told."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from city_model.codec import packed, samples
from city_model.events import AckRange, Event, EventType, Gap, Readings, Status
from city_model.topics import FRAMES, INPUTS, MAX_PAYLOAD_BYTES
from city_model.transport.port import Message
from stream_processor.bridge_intake import intake
from stream_processor.bridge_parts import MAX_CUTS, Taken
from tests.bridge.senders import BOOT, NOW_MS, batch, frame, message, picture, readings, sample, seen
from tests.mosquitto_fixture import broker_city

AIR = "city/v1/ht-kt/air-1/telemetry"


def take(sent: Message) -> Taken:
    return intake(sent, broker_city, NOW_MS + 5)


def code(taken: Taken) -> str:
    """The one dead letter's code; nothing but gap records may have gone into the log."""
    assert all(event.type == EventType.GAP for _, event in taken.events)
    (letter,) = taken.dead
    return letter.code


# --- the good -----------------------------------------------------------------------------------------------------------


def test_a_packed_batch_goes_into_the_log_as_it_came() -> None:
    sent = batch([10.0, 11.0, 12.0], seq=40)
    taken = take(sent)
    ((topic, event),) = taken.events
    assert topic == INPUTS
    assert event.data is sent.payload
    assert event == Event(
        EventType.READINGS, "ht-kt", "air-1", BOOT, 40, 3, NOW_MS + 2000, packed.CONTENT_TYPE, sent.payload, "center", NOW_MS + 5
    )  # fmt: skip
    assert taken.ranges == (AckRange(BOOT, 40, 42, "stored"),)
    assert taken.items == 3


def test_the_area_is_the_registrys_whatever_the_sender_says() -> None:
    sent = batch([1.0])
    lying = replace(sent, properties={**sent.properties, "partitionkey": "elsewhere", "recordedtime": "2020-01-01T00:00:00Z"})
    ((_, event),) = take(lying).events
    assert (event.area, event.recorded_ms) == ("center", NOW_MS + 5)


def test_senml_and_plain_json_become_packed_readings() -> None:
    senml = b'[{"bn":"air-1:","bt":1795564800,"n":"pm25","u":"ug/m3","v":31.5},{"n":"humidity","v":70,"u":"%RH","t":1}]'
    plain = b'[{"time":"2026-11-25T07:00:00+07:00","pm25":31.5},{"ts":1795564801000,"humidity":70}]'
    for kind, data in (("application/senml+json", senml), ("application/json; charset=utf-8", plain)):
        ((_, event),) = take(message(data, content_type=kind, boot="", seq=-1)).events
        got = packed.decode(event.data)
        assert (event.content_type, event.count, event.at_ms) == (packed.CONTENT_TYPE, 2, NOW_MS + 1000)
        assert [got.names[i] for i in got.name_index] == ["pm25", "humidity"]
        assert got.value.tolist() == [31.5, 70.0]
        assert got.at_ms.tolist() == [NOW_MS, NOW_MS + 1000]


def test_a_client_without_an_envelope_may_send_bare_readings() -> None:
    for data in (b'{"ts":1795564800000,"pm25":8}', b'[{"n":"pm25","v":8,"t":1795564800}]', b'[{"ts":1795564800000,"pm25":8}]'):
        taken = take(Message(AIR, data))
        ((_, event),) = taken.events
        assert (event.device, event.boot, event.seq, packed.decode(event.data).value.tolist()) == ("air-1", "", -1, [8.0])
        assert taken.ranges == ()


def test_a_structured_event_of_an_older_client_is_read() -> None:
    body = {
        "specversion": "1.0", "id": "x-3", "source": "/ht-kt/air-1", "type": EventType.READINGS, "time": "2026-11-25T00:00:00Z",
        "boot": "x", "sequence": "3", "count": "2", "datacontenttype": packed.CONTENT_TYPE,
        "data_base64": base64.b64encode(readings([1.0, 2.0])).decode(),
    }  # fmt: skip
    for content_type in ("", "application/cloudevents+json; charset=utf-8"):
        taken = take(Message(AIR, json.dumps(body).encode(), content_type))
        ((_, event),) = taken.events
        assert (event.seq, event.count, event.data) == (3, 2, readings([1.0, 2.0]))
        assert taken.ranges == (AckRange("x", 3, 4, "stored"),)


def test_traffic_samples_go_into_the_log_as_they_came() -> None:
    sent = seen([sample(), sample("out", NOW_MS + 30_000)], seq=7)
    ((topic, event),) = take(sent).events
    assert (topic, event.data, event.at_ms, event.count) == (INPUTS, sent.payload, NOW_MS + 30_000, 2)


def test_a_whole_frame_goes_to_the_frames() -> None:
    taken = take(frame(picture(), seq=9))
    ((topic, event),) = taken.events
    assert (topic, event.area, event.type) == (FRAMES, "center", EventType.FRAME)
    assert taken.ranges == (AckRange(BOOT, 9, 9, "stored"),)


def test_gap_and_status_events_go_into_the_inputs() -> None:
    gap = msgspec.json.encode(Gap(BOOT, 5, 9, 5, "outbox full"))
    status = msgspec.json.encode(Status("online", NOW_MS))
    for stream, kind, data in (("event", EventType.GAP, gap), ("status", EventType.STATUS, status)):
        taken = take(message(data, stream=stream, kind=kind, content_type="application/json", boot="b-gap", seq=2))  # type: ignore[arg-type]  # both are streams
        ((topic, event),) = taken.events
        assert (topic, event.type, event.data) == (INPUTS, kind, data)
        assert taken.ranges == (AckRange("b-gap", 2, 2, "stored"),)


# --- the bad ------------------------------------------------------------------------------------------------------------


def test_a_device_that_is_not_registered_is_told_so() -> None:
    taken = take(batch([1.0, 2.0], device="stranger"))
    assert code(taken) == "unknown_device"
    assert taken.events == ()
    assert [(r.first, r.last, r.verdict) for r in taken.ranges] == [(0, 1, "rejected")]


def test_nobody_speaks_for_another_device() -> None:
    assert code(take(batch([1.0], source=("bank", "air-2")))) == "wrong_source"
    assert code(take(batch([1.0], site="bank", source=("bank", "air-1")))) == "wrong_source"
    assert take(batch([1.0], source=("bank", "air-2"))).events == ()


@pytest.mark.parametrize(
    "properties",
    [
        {"specversion": "1.0"},
        {"specversion": "0.3", "source": "/ht-kt/air-1", "type": "x", "time": "2026-11-25T00:00:00Z"},
        {"specversion": "1.0", "source": "nowhere", "type": "x", "time": "2026-11-25T00:00:00Z"},
        {"specversion": "1.0", "source": "/ht-kt/air-1", "type": "x", "time": "2026-11-25T00:00:00Z", "boot": "b", "sequence": "many"},
        {"specversion": "1.0", "source": "/ht-kt/air-1", "type": "x", "time": "2026-11-25T00:00:00Z", "boot": "b", "sequence": "-1"},
        {"specversion": "1.0", "source": "/ht-kt/air-1", "type": "x", "time": "2026-11-25T00:00:00Z", "count": "-4"},
    ],
)
def test_a_malformed_envelope_is_a_dead_letter(properties: dict[str, str]) -> None:
    assert code(take(Message(AIR, b"x", packed.CONTENT_TYPE, properties))) == "malformed"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "malformed"),
        (b"\x00\x01", "malformed"),
        (b"not json", "malformed"),
        (b"[", "malformed"),
        (b"[]", "malformed"),
        (b"{}", "bad_time"),
        (b"[" * 50_000, "malformed"),
        (b'{"ts":1795564800000,"pm25":NaN}', "malformed"),
        (b'{"ts":1795564800000,"pm25":1e999}', "malformed"),
        (b'{"ts":1795564800000,"pm25":"8"}', "malformed"),
        (b'{"ts":1795564800000,"pm25":"\xff"}', "malformed"),
        (b'{"time":"2026-11-25T00:00:00","pm25":8}', "bad_time"),
        (b'{"ts":1795564800000,"dust":8}', "unknown_quantity"),
        (b'{"ts":1795564800000,"pm25":-3}', "out_of_range"),
        (b'[{"n":"pm25","u":"mg/m3","v":8}]', "wrong_unit"),
        (b'[{"n":"speed_kmh","v":8}]', "not_a_loop"),
        (b'{"specversion":"1.0"}', "malformed"),
    ],
)
def test_bare_readings_that_will_never_be_good(data: bytes, expected: str) -> None:
    taken = take(Message(AIR, data))
    assert code(taken) == expected
    assert taken.dead[0].data.startswith((data[:100], b"SC"))  # as it came, or the bad rows packed


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (message(b"SC\x01", count=1), "malformed"),
        (message(readings([1.0, 2.0]), count=3), "malformed"),
        (message(readings([]), count=0), "malformed"),
        (message(readings([1.0]), content_type="text/csv"), "unknown_content"),
        (message(readings([1.0]), kind="city.saola.readings.v9"), "unknown_type"),
        (message(b"[", kind=EventType.SAMPLES, content_type=samples.CONTENT_TYPE, device="cam-1"), "malformed"),
        (message(b"[]", kind=EventType.SAMPLES, content_type=samples.CONTENT_TYPE, device="cam-1", count=0), "malformed"),
        (seen([sample()], count=2), "malformed"),
        (message(b"{}", stream="event", kind=EventType.GAP), "malformed"),
        (message(b"{}", stream="event", kind=EventType.COMMAND), "unknown_type"),
        (message(b"{}", stream="status", kind=EventType.STATUS), "malformed"),
        (message(b"{}", stream="status", kind=EventType.READINGS), "unknown_type"),
        (message(b"{}", stream="ack", kind=EventType.STATUS), "bad_topic"),
        (Message("city/v1/ht-kt/air-1/other", b""), "bad_topic"),
        (Message("elsewhere", b""), "bad_topic"),
        (Message("city/v1/ht-kt/air-1/status", b"{}"), "malformed"),
    ],
)
def test_envelopes_and_data_that_do_not_fit_together(sent: Message, expected: str) -> None:
    assert code(take(sent)) == expected


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ([float("nan")], "pm25", "nan"),
        ([float("inf")], "pm25", "nan"),
        ([9000.0], "pm25", "out_of_range"),
        ([-0.1], "humidity", "out_of_range"),
        ([1.0], "dust", "unknown_quantity"),
        ([30.0], "speed_kmh", "not_a_loop"),
    ],
)
def test_packed_readings_are_checked_one_by_one(values: list[float], name: str, expected: str) -> None:
    taken = take(message(readings(values, name), seq=8))
    assert code(taken) == expected
    assert [(r.first, r.last, r.verdict) for r in taken.ranges] == [(8, 8, "rejected")]
    assert taken.ranges[0].reason.startswith(expected)


@pytest.mark.parametrize("start_ms", [-1, 2**60, -(2**62)])
def test_times_that_no_calendar_has_are_refused(start_ms: int) -> None:
    assert code(take(message(readings([1.0], start_ms=start_ms)))) == "bad_time"


def test_the_good_readings_of_a_batch_are_kept_and_the_bad_ones_leave_a_gap_record() -> None:
    taken = take(batch([1.0, 2.0, float("nan"), float("nan"), 5.0, 7000.0], seq=100))
    kept = [
        (e.seq, e.count, packed.decode(e.data).value.tolist(), e.at_ms - NOW_MS) for _, e in taken.events if e.type == EventType.READINGS
    ]
    assert kept == [(100, 2, [1.0, 2.0], 1000), (104, 1, [5.0], 4000)]
    gaps = [msgspec.json.decode(e.data, type=Gap) for _, e in taken.events if e.type == EventType.GAP]
    assert [(g.boot, g.first_seq, g.last_seq, g.reason) for g in gaps] == [
        (BOOT, 102, 103, "rejected: nan"),
        (BOOT, 105, 105, "rejected: out_of_range"),
    ]
    assert [(d.code, packed.decode(d.data).value.tolist()) for d in taken.dead][1] == ("out_of_range", [7000.0])
    assert taken.dead[0].reason == "pm25 is nan (and 1 more)"
    assert [(r.first, r.last, r.verdict) for r in taken.ranges] == [
        (100, 101, "stored"), (102, 103, "rejected"), (104, 104, "stored"), (105, 105, "rejected"),
    ]  # fmt: skip
    assert taken.items == 3
    assert {event.area for _, event in taken.events} == {"center"}


def test_without_a_sequence_the_good_readings_stay_together() -> None:
    taken = take(batch([1.0, float("nan"), 3.0, 9999.0], boot="", seq=-1))
    ((_, event),) = taken.events
    assert (event.count, event.seq, packed.decode(event.data).value.tolist()) == (2, -1, [1.0, 3.0])
    assert sorted(d.code for d in taken.dead) == ["nan", "out_of_range"]
    assert taken.ranges == ()


def test_a_batch_in_too_many_pieces_is_refused_whole() -> None:
    values = [float("nan") if n % 2 else 1.0 for n in range(MAX_CUTS + 2)]
    taken = take(batch(values))
    assert code(taken) == "nan"
    assert [(r.first, r.last) for r in taken.ranges] == [(0, MAX_CUTS + 1)]


def test_the_good_samples_of_a_batch_are_kept() -> None:
    taken = take(seen([sample(), sample("sideways"), sample(occupancy=1.5), sample("out")], seq=1))
    kept = [(e.seq, [s.direction for s in samples.decode(e.data)]) for _, e in taken.events if e.type == EventType.SAMPLES]
    assert kept == [(1, ["in"]), (4, ["out"])]
    assert [d.code for d in taken.dead] == ["unknown_direction", "out_of_range"]


def test_300_kilobytes_are_too_large_and_the_sender_hears_of_it() -> None:
    taken = take(message(bytes(300_000), count=64, seq=3))
    assert code(taken) == "too_large"
    assert (taken.dead[0].size_bytes, len(taken.dead[0].data)) == (300_000, 65_536)
    assert [(r.first, r.last, r.verdict) for r in taken.ranges] == [(3, 66, "rejected")]
    bare = take(Message(AIR, b"[" + b" " * MAX_PAYLOAD_BYTES + b"]"))
    assert code(bare) == "too_large"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not_jpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not_jpeg"),
        (picture()[:-2], "truncated_jpeg"),
        (picture()[: len(picture()) // 2], "truncated_jpeg"),
        (b"\xff\xd8\xff\xd9", "not_jpeg"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\xff\xd9", "truncated_jpeg"),
        (b"\xff\xd8\xff\xe0\x00\x04ab--\xff\xd9", "not_jpeg"),
        (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", "not_jpeg"),
    ],
)
def test_pictures_that_are_no_whole_jpeg(data: bytes, expected: str) -> None:
    assert code(take(frame(data))) == expected


def with_size(width: int, height: int, bits: int = 8) -> bytes:
    """A small JPEG whose header says another size."""
    data = bytearray(picture())
    at = data.index(b"\xff\xc0") + 4
    struct.pack_into("!BHH", data, at, bits, height, width)
    return bytes(data)


def test_a_picture_that_would_be_huge_is_refused_without_decoding() -> None:
    assert code(take(frame(with_size(65_500, 65_500)))) == "too_many_pixels"
    assert code(take(frame(with_size(0, 48)))) == "not_jpeg"
    assert code(take(frame(with_size(64, 48, bits=12)))) == "not_jpeg"
    assert not take(frame(with_size(4096, 4096))).dead


def test_only_cameras_send_frames_and_only_jpeg() -> None:
    assert code(take(frame(picture(), device="air-1"))) == "not_a_camera"
    assert code(take(frame(picture(), content_type="image/png"))) == "unknown_type"


def test_a_padded_jpeg_is_whole() -> None:
    assert not take(frame(picture() + bytes(16))).dead


def test_columns_of_several_quantities_are_checked_by_their_own_bounds() -> None:
    n = 4
    columns = Readings(("pm25", "temperature"), np.array([0, 1, 0, 1], np.uint16), NOW_MS + np.arange(n), np.array([5.0, -5.0, -5.0, 5.0]))
    taken = take(message(packed.encode(columns), count=n))
    assert [(d.code, d.reason) for d in taken.dead] == [("out_of_range", "pm25 -5 ug/m3; expected 0..5000")]
