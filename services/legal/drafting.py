"""A draft that was asked for and is not recorded yet: all there is of it is its job."""

from __future__ import annotations

from services.legal.domain.complaint import TYPESET
from shared.runtime.declaration import Job
from shared.runtime.documents import job_id
from shared.runtime.running import Running


async def being_typeset(running: Running, case: str, complaint: str, draft: int) -> bool:
    """Whether the job of that draft waits or runs. Raises StoreDown."""
    job = job_id(f"legal/case/{case}", Job(kind=TYPESET, subject=f"{complaint}.{draft}"))
    return await running.store.find("jobs", job) is not None
