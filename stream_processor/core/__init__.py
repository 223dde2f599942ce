"""Pure and synchronous: a batch of events in, events out, state explicit. No clock, no network, no globals."""
