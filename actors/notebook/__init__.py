"""The experimenter's notebook: what guests write down outside of everything that can be killed.

A guest has the only pen; whoever looks on, or back, reads.

journal           what a guest asked of one virtual disk and what it was told, as the guest writes it
journal_reader    the same to whoever reads it
journal_header    where its words stand
journal_record    where the numbers of one request stand
store_log         what a guest asked of XenStore and what it was told
store_log_reader  the same to whoever reads it
talk_journal      what a guest said over its network and what it heard, as the guest writes it
talk_journal_reader  the same to whoever reads it
talk_header       where its words stand
talk_rows         where the numbers of a connection, a block or a datagram stand
talk_pen          what is written of one connection
stamp             the content of a written sector: who wrote it, where, in which order
histogram         durations, counted
"""
