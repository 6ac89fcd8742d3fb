"""A world whose truth is known: the judge of detectors and care.

`plan` says what there is, `draw` makes one from a seed, `scenario` reads one from a file, `driver`
lets the whole product live through it, `truth` keeps what really was where no other room can read
it, `score` compares. Nothing here knows the detectors.
"""
