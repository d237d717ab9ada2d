"""What is done to hosts and seen of them, in machines of no driver.

supervisor         the experimenter's machine
laboratory         what it has in hand
phases             what a run does and allows in each phase
outcome            what was found out besides what the ledger will
host_board         one host's power
captures           what packets are looked at, by whom
gateway_board      the power of what leads from outside to guests
switch_board       the power of what joins them
domain_processes   the processes of its domains
event_links        the links between them by which their events go
domain_kinds       which domain is of which kind, and what each kind runs
host_clock         the clock of the machine under us
breaking           what is broken in a run: when, how, and what comes of it
holdout            finds the guest that all wait for
guest_notebooks    what the guests write down
guest_record       what was seen of a guest
readings           what was read of every actor
questions          who was asked and has not answered
statistics_maps    how statistics cross
parts              how what is too long for a frame does
lives              how often a guest was started, and what it died of
journal_budget     stops guests whose journals have grown beyond what they may
interrupt_tables   the /proc/interrupts of the domains
"""
