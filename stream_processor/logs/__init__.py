"""The log, the only truth: one port, two implementations (Kafka, embedded SQLite)."""
