"""What a run has shown, held against what had been acknowledged.

ledger, verification  the images read back and held against the guests' journals; store_ledger for XenStore
report             run.json and its verdict; report_checks, expectations, run_facts go into it
summary            the same for a person
"""
