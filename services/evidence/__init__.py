"""Evidence owns the exhibits of a case: their bytes, sealed at rest, and what may be known of them.

It takes an upload in as it streams (hashed, measured, its kind known from its content, sealed to the case's own key),
has each exhibit timestamped by an RFC 3161 authority, says what a capture lacks while there is time to capture again,
gives the originals back to who may have them, and deletes them when they are withdrawn or the case is forgotten.
It never holds a sexual image of somebody who may be a minor: that is asked before the first byte.
"""
