"""The boards in Grafana: drawn from their questions, published, and looked at again."""
