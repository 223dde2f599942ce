"""Verdicts, status and operators' commands become alarms that people can live with."""

from stream_processor.core.alarms.book import Alarms
from stream_processor.core.alarms.identity import alarm_id, alarms_sha256, canonical
from stream_processor.core.alarms.settings import AlarmSettings

__all__ = ["AlarmSettings", "Alarms", "alarm_id", "alarms_sha256", "canonical"]
