"""Our boards as Grafana's dashboards."""
