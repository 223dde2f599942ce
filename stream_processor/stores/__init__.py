"""The series store: what panels ask. Everything in it can be rebuilt from the log."""
