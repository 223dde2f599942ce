"""The ground floor: words on the wire, the registry, settings, time, the command."""
