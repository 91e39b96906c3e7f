"""The pure part of evidence: ``case`` (the whole, and its erasure), ``exhibit`` (one piece), ``grading`` (a table)."""
