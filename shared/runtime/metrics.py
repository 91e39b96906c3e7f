"""Every metric of a service, declared once. Labels are services, topics, event names, kinds: never a person's data."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = on = CollectorRegistry()
        self.lag = Gauge(
            "recours_lag_events", "Events on the bus not yet folded", ["partition"], registry=self.registry
        )
        self.batch = Histogram(
            "recours_batch_events",
            "Events per consumed batch",
            buckets=(1, 5, 20, 100, 250, 500),
            registry=self.registry,
        )
        self.fold = self._seconds("fold", "Folding a batch and reacting to it")
        self.transaction = self._seconds("transaction", "One store transaction")
        self.publish = self._seconds("publish", "Publishing one transaction's events")
        self.events = Counter(
            "recours_events_total", "Events stored by this service", ["event"], registry=self.registry
        )
        self.facts = Counter("recours_facts_total", "Followed facts folded", ["event"], registry=on)
        self.conflicts = Counter("recours_conflicts_total", "Transactions to repeat", registry=on)
        self.commands = Counter("recours_commands_total", "Commands by result", ["result"], registry=on)
        self.jobs = Counter(
            "recours_jobs_total", "Job attempts by kind and result", ["kind", "result"], registry=self.registry
        )
        self.undone = Counter(
            "recours_found_undone_total",
            "What a restored keyring or bucket had undone, by what was found",
            ["found"],
            registry=on,
        )
        self.waiting = Gauge("recours_jobs_waiting", "Jobs waiting, by kind", ["kind"], registry=on)
        self.oldest = Gauge(
            "recours_jobs_oldest_seconds", "Age of the oldest job, by kind", ["kind"], registry=self.registry
        )
        self.outbox = Gauge(
            "recours_outbox_age_seconds", "Age of the oldest event not yet published", registry=self.registry
        )
        self.dead_letters = Gauge(
            "recours_dead_letters", "Dead letters waiting for an operator", registry=self.registry
        )
        self.held = Gauge("recours_held_aggregates", "Aggregates held by dead letters", registry=on)
        self.held_deadline = Gauge(
            "recours_held_nearest_wake_seconds",
            "Seconds to the nearest wake of a held aggregate",
            registry=self.registry,
        )
        self.late_wakes = Counter("recours_wakes_late_total", "Wakes run over a minute late", registry=on)
        self.bus_up = Gauge(
            "recours_bus_up", "Whether the bus acknowledged the last publication", registry=self.registry
        )

    def _seconds(self, name: str, meaning: str) -> Histogram:
        return Histogram(f"recours_{name}_seconds", meaning, buckets=SECONDS, registry=self.registry)
