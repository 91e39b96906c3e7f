from __future__ import annotations

from tests.shared.test_objects import s3

__all__ = ["s3"]
