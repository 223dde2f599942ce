"""One short file a board; each offers `BOARD`."""
