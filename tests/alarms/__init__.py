"""Tests of the life of alarms."""
