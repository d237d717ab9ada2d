import pytest

from cluster.lab.config.virtual_device import virtual_device_number

NUMBERS: list[tuple[str, int]] = [
    ("xvda", 202 << 8),
    ("xvda15", 202 << 8 | 15),
    ("xvda16", 1 << 28 | 16),
    ("xvdb1", 202 << 8 | 1 << 4 | 1),
    ("xvdp", 202 << 8 | 15 << 4),
    ("xvdq", 1 << 28 | 16 << 8),
    ("xvdtq37", 1 << 28 | 536 << 8 | 37),
    ("xvdbgqcv255", 1 << 28 | (1 << 20) - 1 << 8 | 255),
    ("d0p0", 202 << 8),
    ("d0p1", 202 << 8 | 1),
    ("d536p37", 1 << 28 | 536 << 8 | 37),
    ("d0x10p010", 1 << 28 | 16 << 8 | 8),
    ("0x301", 0x301),
    ("0X301", 0x301),
    ("769", 769),
    ("01401", 769),
    ("0", 0),
    ("2147483647", 2147483647),
    ("hda", 3 << 8),
    ("hdb63", 3 << 8 | 64 | 63),
    ("hdc2", 22 << 8 | 2),
    ("hdd", 22 << 8 | 64),
    ("sda", 8 << 8),
    ("sdb3", 8 << 8 | 1 << 4 | 3),
    ("sdp15", 8 << 8 | 255),
]


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_every_name_of_the_interface_has_its_number(name: str, number: int) -> None:
    assert virtual_device_number(name) == number


BAD: list[tuple[str, str]] = [
    ("vda", "'vda' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    ("xvda0", "'xvda0' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    ("xvd", "'xvd' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    ("hd1", "'hd1' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    ("XVDA", "'XVDA' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    ("", "'' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    (" 768", "' 768' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    ("-1", "'-1' is no virtual device; write xvda, xvdb1, d0p1, sda or hda"),
    ("d0", "'d0' is no virtual device; write d0p0"),
    ("08", "'08' is no virtual device; '08' is not a number, be it decimal, octal or hex"),
    ("0x", "'0x' is no virtual device; '0x' is not a number, be it decimal, octal or hex"),
    ("2147483648", "'2147483648' does not exist; 2147483648 is more than 2147483647"),
    ("d1048576p0", "'d1048576p0' does not exist; 1048576 is more than 1048575"),
    ("d0p256", "'d0p256' does not exist; 256 is more than 255"),
    ("xvda256", "'xvda256' does not exist; disks go up to 1048575, partitions to 255"),
    ("xvdbgqcw", "'xvdbgqcw' does not exist; disks go up to 1048575, partitions to 255"),
    ("hde", "'hde' does not exist; hda to hdd, partitions up to 63"),
    ("hda64", "'hda64' does not exist; hda to hdd, partitions up to 63"),
    ("sdq", "'sdq' does not exist; sda to sdp, partitions up to 15"),
    ("sda16", "'sda16' does not exist; sda to sdp, partitions up to 15"),
]


@pytest.mark.parametrize(("name", "said"), BAD)
def test_what_is_no_device_is_refused_with_what_would_be_one(name: str, said: str) -> None:
    with pytest.raises(ValueError, match="; ") as caught:
        virtual_device_number(name)

    assert str(caught.value) == said
