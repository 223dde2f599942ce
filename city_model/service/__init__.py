"""What every service says of itself: counts, health, readiness with reasons, and log lines that machines read."""
