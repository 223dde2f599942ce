"""One file, one kind of sensor."""
