"""Tests: sentences about what the platform does."""
