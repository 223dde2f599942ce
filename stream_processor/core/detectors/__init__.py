"""One file, one detector; all obey `port` and are found by folder."""
