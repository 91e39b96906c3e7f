"""The pages that anybody may open before they have a case."""

from __future__ import annotations

ENTRANCES = (
    "/",
    "/guidance/victim",
    "/guidance/witness",
    "/guidance/guardian",
    "/guidance/institution",
    "/articles/cyberharassment",
    "/articles/online-hate",
    "/articles/our-part",
    "/articles/unknown-authors",
    "/open",
    "/enter",
    "/join",
)
