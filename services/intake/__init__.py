"""Intake owns the case: its opening, the people who may see it, its urgency, its codes and sessions, its end.

It publishes every event of the case (shared.casefile.CASE_EVENTS) from the aggregate ``case``, and who read what from
the aggregate ``ledger``. It follows the other services only for what the person's dossier shows and for what erasure
needs. Guidance, referral partners, emergency numbers and the on-call roster are dated data beside the code.
"""
