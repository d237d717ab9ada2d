"""One run from start to report.

session            in this terminal; detached without one; up the command for both
shown_report       how a run ends on the screen, whichever command it was
run_directory      what is left of it; run_lock says whether it is in use
about, run_state   who ran it and where; the judge's notes; kept_configuration, kept_values beside them
kept_run           one that is over, judged or done again; kept_runs all of a folder; commands for both
progress           what a person sees meanwhile
"""
