"""Campaigns: thousands of fault schedules in virtual time, each from a seed.

case            a configuration with the faults of one seed in it
generator       the fault schedule of a seed
planted         bugs that can be switched on, to see that they are found
planted_networks  those of networks
plant           how they are planted
witness         what is seen of one run besides its report
guest_secrets   who holds what is one guest's alone
history         what clients asked and were told: one JSON object a line
registers       whether the reads and writes of a sector can have happened in one order
linearizer      the same for operations of any kind: XenStore's
store_record    what was asked of XenStore, as operations on registers
sector_record   what was asked of a disk, as operations on registers
frame_record    what guests were shown that was for others
netif_ring      one ring of a network interface, and whether each request on it has one answer
ring_record     all of these, and what died with backends
service_record  how long a disk really gave no success
sweep_settings  what a sweep does with a seed, the same everywhere
seeds           which seeds a sweep has
trial           one seed from configuration to verdict
results         the file of a sweep: append-only, resumable
sweep           many seeds on the cores of this machine
collecting      records as they come
shown_outcome   what came of all, kept and shown
dask_engine     many seeds on a Dask cluster
engine          which of these, as was asked
summary         what a person reads after a sweep
results_page    what those read who were not there
shrink          a failing schedule made as small as it still fails
commands        the command line
"""
