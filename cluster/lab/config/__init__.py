"""A configuration file, read and checked: what everything else is told to do.

loading            a file to `resolved`; yaml_source keeps the lines, errors and findings name them
source_file        the bytes of a file that was read
schema, values      the keys, and what they can be; domain_name, checks what takes more than one key
strict             what all parts of the schema have in common
architecture       who survives whose death, and the rows that have a name
hardware           the kinds of devices of a board; hardware_kind what is known of each, disk_hardware one
guest_devices      the classes of devices of a guest; guest_device what is known of each, guest_disk one
resolution         names to addresses, to resolved; resolved_domains, volume are parts of that
guest_description  a guest before it is resolved; virtual_device, quantities beside it
shutdown_actions   which of xl's actions on a domain that has shut down are there
xl_config          a guest as xl.cfg; xl_syntax, xl_refusals, xl_keys beside it, c_number for its numbers
xl_disk            one disk of it; xl_disk_syntax beside it
fault_words        what is wrong with one fault of a file, or given by hand; fault_checks looks at all,
                   fault_targets says what its targets are, fault_resolution decides the rest
"""
