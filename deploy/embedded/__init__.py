"""The embedded platform: every engine, outside party and service as a process on loopback, under one supervisor."""
