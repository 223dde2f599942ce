"""Tells people who are not at the desk: one message per episode, and reminders when nobody answers."""
