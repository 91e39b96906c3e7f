"""The engines that recours runs on, got and built on this machine: Apache Kafka, MinIO, Sigstore's timestamp authority.

``python -m deploy.engines`` (``make engines``) installs what is missing under ``build/engines``. The tools that fetch
(Maven, Go) are used with their own defaults; nothing here names where they fetch from.
"""
