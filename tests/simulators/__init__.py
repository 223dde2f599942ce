"""The simulated city is deterministic, plausible, and brings the alarms its stories promise."""
