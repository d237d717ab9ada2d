"""Measuring, with a floor beside each figure.

figures            what is measured, and how a figure is taken
results            the figures of a run, and recorded ones
comparison         whether ratios are worse than recorded
computer           what can be compared
slopes             what one more guest costs, over many guests
chart              a picture of that
commands           the commands
hypercalls         measures the hypervisor's door
host               measures what needs a whole host
xenstore           measures the store
network            measures what guests say to each other
simulation         measures the simulated driver
floors             what the same exchange costs with nothing of ours in it
relay              the same of the network: a row of processes that hand on bytes
costs              measurements that are no figures of `domzero bench`
"""
