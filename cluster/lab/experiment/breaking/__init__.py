"""The faults of one run, from when they are due to what has come of them.

fault_run      all of it: when, to whom, until when
by_hand        a fault that comes from outside
schedule       when what is due
unfired_fault  what has not come
selection      which targets are taken
fault_target   one of them
performer      does faults and takes them away, by their acts
reach          whom they reach
talk_paths     which talks those of the network reach
waiter         who waits
injection      one fault that was done
records        all of them
"""
