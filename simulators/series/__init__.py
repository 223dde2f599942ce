"""How well the core judges series whose truth is known: `saola score series`."""
