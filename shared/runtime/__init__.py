"""The runtime, written once for all services.

Read in this order: ``declaration`` (what a service says of itself), ``folding`` (pure: facts and commands to events),
``messages`` (events to signed bytes and back), ``store`` (the only module that writes), ``consumer``, ``commands``,
``claims``, ``wakes``, ``publisher``, ``dead_letters``, ``refolding``, ``checkpoints``, ``process``.
"""
