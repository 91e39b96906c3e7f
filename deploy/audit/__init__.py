"""The audit: whether the log says what the stores say, and each state follows from its facts.

The order of reading makes it exact while services run (``run``): how far each follower has read, then the checkpoint
objects, then the stores, then their outboxes, then the log. An event is stored before it is published and leaves the
outbox after, so one that is in a store, in no outbox and not on the log read afterwards is lost. What the log has more
was stored meanwhile, and is looked up. A fact below a follower's committed offset was in its inbox before the inbox was
read. A state that seems wrong is read again, alone, under its revision.

Flat memory: everything goes through sorted chunk files in a private temporary directory (``sorting``), then streaming
merges: ``events`` (log against stores), ``inboxes``, ``epochs`` (checkpoints), ``folds`` (states).
What no audit can see: a cut within the last open epoch (about a minute before a crash), which no checkpoint covers.
"""
