"""The five services. None imports another; each owns its aggregates, its store and its pages."""
