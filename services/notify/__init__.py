"""Notify owns what is told outside of recours: the mails to the person, the pages to the team, and that they went.

It follows the other services' facts, plans one notification per fact worth telling and the reminders of what is to
come, and sends them in neutral words within the hours that the person chose. Address and preferences stay sealed in
the case's contact: only the worker that sends opens them.

A danger, a deadline or an erasure that failed pages the team (RECOURS_OPERATORS) until somebody took it. It publishes
``notification-sent`` and ``notification-failed``, which name a template and a channel, never an address nor a text,
and ``record-viewed`` when a member of the team opens a page's link, which names the alarm.
"""
