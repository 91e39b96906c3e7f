"""The demonstration: fictional people and sample exhibits made at run time, of nobody else's material."""
