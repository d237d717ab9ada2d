"""What is not part of the simulated hosts, in four rooms; arrows point down this list.

command   what is typed: the commands, and how they start
studies   many runs, and runs that are measured or compared: campaigns, benches, a real Xen's answers
running   a running cluster: processes, sockets, virtual time, and all who look at it
lab       what is wanted, done, seen and judged, without an event loop
"""
