"""Three dialects of the same readings: packed columns (our own), SenML and plain JSON (everybody else's)."""
