"""What is known of a case (``state``), what is worth a mail (``planning``), what became of it (``outcomes``)."""
