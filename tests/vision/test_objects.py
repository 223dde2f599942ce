"""The ONNX detector on a tiny network that this file writes byte by byte: its score is the picture's brightness, its boxes are fixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from city_model.faults import ConfigError, Rejected
from city_model.settings import from_table
from stream_processor.core.vision.objects import ObjectDetector, OnnxDetector, OnnxSettings
from stream_processor.core.vision.sizes import LARGE, TWO_WHEELER

SIDE = 32


def number(value: int) -> bytes:
    """A protobuf varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(tag: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    data = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(data)) + data


def tensor(name: str, array: np.ndarray) -> bytes:
    kind = 1 if array.dtype == np.float32 else 7
    return b"".join(field(1, d) for d in array.shape) + field(2, kind) + field(8, name) + field(9, array.tobytes())


def shaped(name: str, shape: tuple[int, ...]) -> bytes:
    sides = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sides)))


def node(kind: str, inputs: tuple[str, ...], output: str) -> bytes:
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(3, output) + field(4, kind)


def network(candidates: np.ndarray, brightness_column: int) -> bytes:
    """(1, 3, SIDE, SIDE) -> mean brightness -> `candidates` (n, values) with the brightness added in one column, as (1, values, n)."""
    n, values = candidates.shape
    flat = np.ascontiguousarray(candidates.T, np.float32).ravel()
    weights = np.zeros((values, n, 3), np.float32)
    weights[brightness_column] = 1 / 3
    graph = b"".join(
        field(1, part)
        for part in (
            node("GlobalAveragePool", ("picture",), "mean"),
            node("Conv", ("mean", "weights", "bias"), "all"),
            node("Reshape", ("all", "shape"), "out"),
        )
    )
    graph += field(2, "tiny")
    graph += field(5, tensor("weights", weights.reshape(values * n, 3, 1, 1))) + field(5, tensor("bias", flat))
    graph += field(5, tensor("shape", np.array([1, values, n], np.int64)))
    graph += field(11, shaped("picture", (1, 3, SIDE, SIDE))) + field(12, shaped("out", (1, values, n)))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))


CANDIDATES = np.array(
    [
        [8, 6, 8, 4, 0.0, 0.0],  # a bus as bright as the picture
        [9, 6, 8, 4, 0.0, -0.1],  # nearly the same box, less sure
        [24, 8, 4, 4, 0.9, -9.0],  # a motorbike, always
        [24, 8, 4, 4, 0.1, -9.0],  # too unsure
    ],
    np.float32,
)


@pytest.fixture
def settings(tmp_path: Path) -> OnnxSettings:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(network(CANDIDATES, 5))
    return OnnxSettings(path, ("motorbike", "bus"), side_px=SIDE)


def test_boxes_come_back_in_pixels_of_the_frame(settings: OnnxSettings) -> None:
    detector: ObjectDetector = OnnxDetector(settings)
    bright = np.full((32, 64, 3), 255, np.uint8)  # fitted into the upper half of the square; the rest is grey
    bike, bus = detector.detect(bright)
    assert (bike.label, bike.size_class, bike.box) == ("motorbike", TWO_WHEELER, (44.0, 12.0, 52.0, 20.0))
    assert (bus.label, bus.size_class, bus.box) == ("bus", LARGE, (8.0, 8.0, 24.0, 16.0))
    assert bike.confidence == pytest.approx(0.9)
    assert bus.confidence == pytest.approx((1 + 114 / 255) / 2, abs=0.01)


def test_what_is_unsure_is_not_told_and_grey_pictures_will_do(settings: OnnxSettings) -> None:
    found = OnnxDetector(settings).detect(np.zeros((32, 32), np.uint8))
    assert [f.label for f in found] == ["motorbike"]


def test_objectness_multiplies_scores(tmp_path: Path) -> None:
    path = tmp_path / "old.onnx"
    path.write_bytes(network(np.array([[8, 8, 4, 4, 0.5, 0.9, 0.1]], np.float32), 6))
    settings = OnnxSettings(path, ("motorbike", "bus"), side_px=SIDE, layout="objectness", least_confidence=0.4)
    (found,) = OnnxDetector(settings).detect(np.zeros((32, 32), np.uint8))
    assert found.label == "motorbike"
    assert found.confidence == pytest.approx(0.45)


def test_labels_that_do_not_fit_the_network_are_refused(settings: OnnxSettings) -> None:
    detector = OnnxDetector(OnnxSettings(settings.model, ("car",), side_px=SIDE))
    with pytest.raises(Rejected, match="expected 5 values"):
        detector.detect(np.zeros((32, 32), np.uint8))


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"not a network")
    with pytest.raises(Rejected, match="bad_model"):
        OnnxDetector(OnnxSettings(tmp_path / "x.onnx", ("car",)))


def test_all_problems_of_the_settings_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as err:
        from_table(OnnxSettings, {"model": str(tmp_path / "no.onnx"), "labels": [], "side_px": 640}, "camera.toml")
    assert {p.key for p in err.value.problems} == {"model", "labels"}
