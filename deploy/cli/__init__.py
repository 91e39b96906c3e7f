"""The program ``recours``: one file per command, each with ``register(app)``."""
