"""Whom do we tell, and what do we book? Findings become alerts, tasks, messages, bookings.

Start reading at `care.engine`. Decisions are plain functions of rows and ``now``; SQL is in
`care.store`; the doors to customers are `care.channels`.
"""
