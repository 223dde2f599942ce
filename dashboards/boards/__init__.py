"""A panel is a question, asked once: from one file come its Flux, its answer from any store, Grafana's panel and our own drawing."""
