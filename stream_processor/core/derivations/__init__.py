"""Derivations: series made of series. One file = one derivation; the folder is the registration."""
