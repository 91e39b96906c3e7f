"""The case and its ledger of readings, pure: ``case`` puts the behaviours together."""
