"""A report as tables, for persons."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from deploy.audit.report import Report


def render(console: Console, report: Report) -> None:
    """Print the counts, what was looked at, and the differences with what to do."""
    console.print(_types(report))
    console.print(_looked(report))
    for note, count in report.notes.items():
        console.print(f"  {count} {note}", markup=False)
    for finding in report.findings:
        place = " ".join(part for part in (finding.service, finding.aggregate, finding.event) if part)
        console.print(f"\n{finding.kind}  {place}", style="red", markup=False)
        console.print(f"  {finding.detail}", markup=False)
        console.print(f"  → {finding.what_to_do}", markup=False)
    hidden = sum(report.totals.values()) - len(report.findings)
    if hidden:
        console.print(f"\n… and {hidden} more; --show names more of each kind.", markup=False)
    console.print()
    for limit in report.limits:
        console.print(limit, style="dim", markup=False)
    said = ", ".join(f"{kind} {count}" for kind, count in report.totals.items())
    if report.result == "ok":
        console.print("ok: log, stores and states agree.", style="green", markup=False)
    else:
        console.print(f"findings: {said}", style="red", markup=False)


def _types(report: Report) -> Table:
    table = Table("service", "event", box=None, pad_edge=False)
    for column in ("on the bus", "in the store", "in an outbox", "duplicates"):
        table.add_column(column, justify="right")
    for one in report.types:
        counts = (one.bus, one.store, one.outbox, one.duplicates)
        table.add_row(one.service, one.event, *(str(count) for count in counts))
    return table


def _looked(report: Report) -> Table:
    table = Table("checked", box=None, pad_edge=False)
    table.add_column("how many", justify="right")
    for what, count in report.looked.items():
        table.add_row(what, str(count))
    return table
