"""What a run has shown, held against what had been acknowledged.

check              one thing that was to hold, and the verdict on it or on several
ledger             one volume read back and held against its guest's journal
store_ledger       the same for XenStore
talk_ledger        what guests said over their networks, held together
talk_streams       the streams of it
talk_datagrams     the datagrams of it
talk_content       what must have come
talk_result        what came of it
talk_checks        what is checked of it
talk_expectations  what the file predicts of it
verification       all of them, for a run
report             run.json and its verdict
report_checks      what is always checked
expectations       what the file predicts
run_facts          what a run has left behind, for the report
timeline           what happened when
journal_history    the same of one disk
summary            the same for a person
"""
