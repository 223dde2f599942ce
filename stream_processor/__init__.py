"""The stream core and its loops: bridge, engine, frames, sink."""
