"""What legal decides, in pure functions: engines that read the rule book, and the procedures that follow from them.

No clock, no I/O. Every `date` is a calendar day of Europe/Paris.
"""
