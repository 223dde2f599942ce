"""Is the sensor well? Named checks per sensor and quantity, one file each, found by folder, and the gate that runs them."""
