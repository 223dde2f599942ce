"""One file = one kind of channel: `send(channel, secret, message)`, blocking. Raises Unavailable (try again) or Rejected (never)."""
