"""What the servers are told, rendered from the registry; and how they are started for demo, scenarios and tests."""
