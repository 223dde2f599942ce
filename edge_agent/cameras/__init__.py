"""Commands about cameras: what the vision core makes of a clip, and how many cameras a core of this machine carries."""
