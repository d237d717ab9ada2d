"""One run from start to report.

session             in this terminal
live_run            in real processes
doors               by what others reach it meanwhile
run_notes           what is written down of it meanwhile
detached            without one
up                  the command for both
kept_page           what is left of it to look at
progress            what a person sees meanwhile
shown_report        how a run ends on the screen, whichever command it was
run_directory       what is left of it
run_capture         its packets
run_lock            whether it is in use
about               who ran it, where and when
run_state           the judge's notes
kept_configuration  the configuration as it was
kept_values         values as JSON, and back
kept_document       JSON for programs, read back
kept_report         run.json, with what was added since
kept_run            a run that is over, judged or done again
kept_runs           all of a folder
commands            the commands for runs that are over
"""
