"""One camera's road: who drives on it and when (`model`), and what the camera would have seen (`draw`)."""
