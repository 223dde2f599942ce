"""Frames to traffic samples: pure, one camera's state in one object."""
