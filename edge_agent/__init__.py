"""What runs at the pole: sources, outbox, uplink. A plain install has all it needs."""
