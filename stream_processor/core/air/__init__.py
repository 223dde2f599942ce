"""Air quality indices and limits, exactly as their texts say: VN_AQI, US AQI, the European index, India's AQI, QCVN 05:2023 and WHO 2021.

Pure and vectorised. Tables are data (`tables/*.toml`, each with source and validity); the modules hold the arithmetic.
"""
