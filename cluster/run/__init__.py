"""One run from start to report.

session            in this terminal; detached without one
run_directory      what is left of it
progress           what a person sees meanwhile
"""
