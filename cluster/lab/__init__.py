"""What is wanted, done, seen and judged: no event loop, no process, no socket. Arrows point down this list.

verdict, trace               what a run has shown
experiment                   the experimenter's machines
config, terminal, exit_codes what is wanted; what people and scripts read
faults                       what a fault is
"""
