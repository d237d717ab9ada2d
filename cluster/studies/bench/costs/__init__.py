"""What single things cost, measured by hand: `python -m cluster.studies.bench.costs.flood` and its like.

flood      a guest that floods the hypervisor, to its neighbour
scrape     a page of metrics of many guests
rounds     a round of statistics
tracing    `--trace`
memory     the processes of guests, alone and packed, in memory
sweeping   memory, while a sweep goes on
"""
