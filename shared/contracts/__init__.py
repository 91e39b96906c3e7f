"""The published language: the envelope of an event and every event of the catalogue."""
