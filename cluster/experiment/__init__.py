"""What is done to hosts and seen of them, in machines of no driver.

supervisor         the experimenter's machine; board is one host's power,
                   host_clock the clock of the machine under us,
                   outcome what it found out
phases             what a run does and allows in a phase
schedule           when what happens; unfired_fault is what has not
injection          one fault; fault_course has those of a file, fault_by_hand those from outside
fault_performer    does them; fault_reach says whom they reach
guest_record       what was seen of a guest; fault_records of every fault, readings of every actor,
                   which come as statistics_maps says
lives              how often a guest was started, and what it died of
journal_budget     stops guests whose journals have grown beyond what they may
interrupt_tables   the /proc/interrupts of the domains
"""
