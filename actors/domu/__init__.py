"""The guests.

journal      what a guest asked for and what was acknowledged, outside of everything that can be killed
stamp        the content of a written sector: who wrote it, where, in which order
workload     what a guest does with its disks
guest        the guest's machine
"""
