"""The pure domain of billing.

Read in this order: ``terms`` (amounts and delays with their reasons), ``account`` (the state and its fold),
``standing`` (what the facts mean: due, covered, owed back), ``commands``, ``decisions``, ``reactions``, ``ledger``,
``register`` (invoice numbers).
"""
