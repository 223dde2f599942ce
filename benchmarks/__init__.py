"""Measurements; each prints what it measured beside its peer, its input and the machine."""
