"""`saola`, for a process of a test."""

from city_model.cli import main

main()
