"""A city in a box: road, air, faults, scenarios. Everything here goes through real edge agents."""
