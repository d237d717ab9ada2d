"""What is done to hosts and seen of them, in machines of no driver.

supervisor         the experimenter's machine; board is one host's power,
                   host_clock the clock of the machine under us,
                   outcome what it found out
phases             what a run does and allows in a phase
faults             what is broken in a run: when, how, and what comes of it
guest_record       what was seen of a guest; readings of every actor, which come as statistics_maps says
lives              how often a guest was started, and what it died of
journal_budget     stops guests whose journals have grown beyond what they may
interrupt_tables   the /proc/interrupts of the domains
"""
