"""The operators' page: HTTP API, live stream, static front end in Vietnamese and English."""
