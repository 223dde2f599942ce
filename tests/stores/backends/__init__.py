"""One module for each store that obeys the contract."""
