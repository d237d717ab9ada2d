"""What is not part of the simulated hosts: configuration, experiment, drivers, verdict, command line.

Arrows point down this list.

start, cli                   the command, and the commands
campaign, bench, conformance many runs; measured runs; a real Xen's answers
run                          one run
top, metrics, control        looking at a running cluster, and reaching into it
drivers                      processes, or virtual time
verdict, trace               what a run has shown
experiment                   the experimenter's machines
config, terminal, exit_codes what is wanted; what people and scripts read
faults                       what a fault is
"""
