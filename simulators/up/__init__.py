"""`saola up`: a whole profile on one machine: servers that are installed, servers that are given, and every service, kept running."""
