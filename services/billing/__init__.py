"""Billing: how the complaint is borne, and every cent on the way.

It owns the account of each case (who bears the complaint, the insurer's answer, the one payment of 80 EUR, refunds,
costs recovered from the convicted) and, per year, the register of invoice numbers. The diagnosis is free and money
never gates an act: billing publishes no event that another service could wait for before filing. Damages pass through
the lawyers' fund (CARPA), never through these accounts: they are kept as sealed memo entries, outside the ledger.
"""
