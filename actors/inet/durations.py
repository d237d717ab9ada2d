"""Nanoseconds, in which all times are."""

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
