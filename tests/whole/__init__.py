"""The platform as a whole, on real servers."""
