"""A running cluster on a terminal.

watch_commands     `top`, `interrupts` and what else looks at a running cluster
screen             asks again and again, and draws
sample             what was said, against what was said before
column             a column
device_columns     those about devices
view               how it is shown to people
batch              how it is shown to programs
kept_interrupts    the interrupts of a run that is over
"""
