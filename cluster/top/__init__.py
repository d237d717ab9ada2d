"""A running cluster on a terminal.

watch_commands     `top` and `interrupts`; sample, view and batch of the one, kept_interrupts of the other
"""
