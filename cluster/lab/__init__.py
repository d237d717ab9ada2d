"""What is wanted, done, seen and judged: no event loop, no process, no socket. Arrows point down this list.

page        all of it to look at
verdict     what a run has shown
trace       the same for Perfetto
capture     packets as files
experiment  the experimenter's machines
config      what is wanted
documents   the types of what programs read
terminal    what people and their pipes read
exit_codes  what scripts read
faults      what a fault is
"""
