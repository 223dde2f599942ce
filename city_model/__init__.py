"""Ground floor: the words every room shares — events, quantities, registry, topics, codecs, settings, faults."""

__version__ = "0.1.0"
