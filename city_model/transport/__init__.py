"""How edge and bridge reach each other: MQTT 5, or in process with the same meaning."""
