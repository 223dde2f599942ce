"""The job of `benchmarks.core` in other tools: each file is a script that runs in a virtual environment of its own."""
