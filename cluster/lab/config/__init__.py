"""A configuration file, read and checked: what everything else is told to do.

loading            a file to `resolved`
source_file        the bytes of a file that was read
yaml_source        what they say, and on which line
errors             what is wrong with a file: every finding with its place
findings           what pydantic says of it, put as a person would
places             where something is in plain data
section            what stands beside a configuration in its file
schema             the keys
strict             what all parts of the schema have in common
values             what they can be
talk_schema        what guests say over their networks
talk_resolution    whom they mean
quantities         sizes and times as they are written
checks             what takes more than one key
domain_name        what a domain can be called
architecture       who survives whose death, and the rows that have a name
hardware           the kinds of devices of a board
hardware_kind      what is known of each
disk_hardware      the kind that is a disk
nic_hardware       the kind that is a network controller
gateway            what leads from outside to guests
switch             what joins those of all hosts
network_checks     what of both takes more than one key
guest_devices      the classes of devices of a guest
guest_device       what is known of each
guest_disk         the class of virtual disks
guest_network      the class of virtual network interfaces
guest_network_checks  which of them cannot be
network_addresses  the addresses of those that are given none
vif_rate           how their rate is written
resolution         names to addresses
resolved           a cluster with everything decided
resolved_domains   its domains
volume             its virtual disks
guest_description  a guest before it is resolved
virtual_device     the number of a disk, by its name
shutdown_actions   which of xl's actions on a domain that has shut down are there

xl_config          a guest as xl.cfg
xl_syntax          how that is written
xl_keys            the keys that xl knows
xl_refusals        what to say of a line that is none
c_number           numbers as C reads them
xl_disk            one disk of it
xl_disk_syntax     how that is written
xl_vif             one network interface of it

fault_words        what is wrong with one fault of a file, or given by hand
fault_checks       what is wrong with all of them
fault_targets      what their targets are
fault_resolution   decides the rest of them
"""
