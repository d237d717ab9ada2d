"""What is done to hosts and seen of them, in machines of no driver.

supervisor         the experimenter's machine; board is one host's power
schedule           when what happens; injection and fault_* do the faults of a file and by hand
guest_record       what was seen of a guest; fault_records of a fault, readings of every actor
"""
