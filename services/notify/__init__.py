"""Notify owns what is told to the person outside of recours: the mails, when they may go, and that they went.

It follows the other services' facts, plans one notification per fact worth telling and the reminders of what is to
come, and sends them in neutral words within the hours that the person chose. Address and preferences stay sealed in
the case's contact: only the worker that sends opens them. It publishes ``notification-sent`` and
``notification-failed``, which name a template and a channel, never an address nor a text.
"""
