"""What runs the machines of a cluster: in processes, or in virtual time.

live               a host's processes
zygote             forks them
process            one of them
simulated          all of them on one heap
step_costs         what a step takes there
packs              which actors share a process
programs           the programs that an actor can run
console_log        what they print
"""
