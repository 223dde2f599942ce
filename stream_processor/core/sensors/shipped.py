"""Models of correction that come with Saola, with what they were fitted on."""

from __future__ import annotations

from stream_processor.core.sensors.correction import DAILY_TERMS, Model

DAILY_SENSORS = frozenset(
    {"101259", "116559", "149710", "16317", "166421", "176311", "178279", "25949", "35139", "51741", "51867", "51873"}
)
"""PurpleAir sensors that `DAILY` was fitted on; on these it proves nothing."""

DAILY = Model(
    "purpleair_daily",
    "1",
    DAILY_TERMS,
    (
        -0.35253141,
        0.57631918,
        0.0011568892,
        -0.042755774,
        0.28029821,
        -0.0018038155,
        -0.0045953702,
        4.4638374,
        -0.0001053463,
        -0.07313403,
        0.0038072575,
        -0.025960778,
        0.011450354,
    ),
    "3,777 daily means of 12 PurpleAir sensors beside AQS monitors, 2021 to 2023 (github MartineMathieu/PurpleAir-calibration @55e78541)",
)
