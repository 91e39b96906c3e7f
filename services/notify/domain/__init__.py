"""What is known of a case (``state``), what is worth a mail (``planning``), what needs the team (``alarms``).

``paging`` says when the team is paged, ``reactions`` puts both together, ``outcomes`` what became of it.
"""
