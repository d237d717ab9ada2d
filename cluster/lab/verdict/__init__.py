"""What a run has shown, held against what had been acknowledged.

ledger, verification  the images read back and held against the guests' journals; store_ledger for XenStore
check              one thing that was to hold, and the verdict on it or on several
report             run.json; report_checks, expectations, run_facts go into it
summary            the same for a person
"""
