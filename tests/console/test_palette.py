"""The second palette of the air can be told apart by everybody: lightness falls from band to band, for three kinds of vision too."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from dashboards.console.app import STATIC

_MACHADO = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "all": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
}
"""Machado, Oliveira, Fernandes 2009, full severity, on linear RGB."""
_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
_WHITE = _TO_XYZ.sum(axis=1)

_Rgb = np.ndarray[tuple[int], np.dtype[np.float64]]


def _clear() -> list[_Rgb]:
    """The six colours, linear RGB."""
    rule = re.search(r'\[data-aqi="clear"\] \{([^}]*)\}', (STATIC / "tokens.css").read_text(encoding="utf-8"))
    assert rule is not None
    found = re.findall(r"--aqi-[1-6]: #([0-9a-f]{6})", rule[1])
    colours = [np.array([int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)]) for text in found]
    return [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in colours]


def _lab(linear: _Rgb) -> _Rgb:
    ratio = _TO_XYZ @ np.clip(linear, 0, 1) / _WHITE
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", _MACHADO)
def test_bands_next_to_each_other_differ_and_grow_darker(vision: str) -> None:
    seen = [_lab(np.array(_MACHADO[vision]) @ colour) for colour in _clear()]
    assert len(seen) == 6
    assert all(a[0] > b[0] for a, b in pairwise(seen))
    assert min(float(np.linalg.norm(a - b)) for a, b in pairwise(seen)) >= 15


def test_the_number_can_be_read_on_every_band() -> None:
    luminance = [float(_TO_XYZ[1] @ colour) for colour in _clear()]
    dark, light = 0.0056, 1.0  # the inks of bands 1-3 and of 4-6
    contrast = [(y + 0.05) / (dark + 0.05) for y in luminance[:3]] + [(light + 0.05) / (y + 0.05) for y in luminance[3:]]
    assert min(contrast) >= 4.5
