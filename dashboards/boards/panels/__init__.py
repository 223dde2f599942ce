"""One file a panel; each offers `PANEL`."""
