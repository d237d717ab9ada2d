import pytest

from actors.devices.disk_settings import DiskSettings

WEB = {"name": "web0", "path": "a.img", "sectors": 8}


def test_defaults_fill_what_the_argument_leaves_out():
    settings = DiskSettings.from_argument({"volumes": [WEB]})
    assert (settings.cache_sectors, settings.write_back_ns) == (8192, 200_000_000)
    assert not settings.level_triggered
    assert not settings.ignores_flush
    assert (settings.volumes[0].offset_sector, settings.volumes[0].read_only) == (0, False)


def test_a_disk_without_write_cache_has_no_room_in_it():
    assert DiskSettings.from_argument({"write_cache": False, "cache_sectors": 64}).cache_sectors == 0


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"volumes": {"web0": WEB}}, "a list of maps"),
        ({"volumes": ["web0"]}, "a list of maps"),
        ({"volumes": [{"name": "web0", "path": "a.img"}]}, "sectors: None is not a number"),
        ({"volumes": [WEB | {"sectors": -1}]}, "sectors: -1"),
        ({"volumes": [WEB | {"sectors": True}]}, "sectors: True"),
        ({"volumes": [WEB | {"path": 3}]}, "path: 3 is not text"),
        ({"volumes": [WEB | {"read_only": "no"}]}, "read_only: 'no' is neither"),
        ({"trigger": "both"}, "'both' is neither edge nor level"),
        ({"read_ns": 1.5}, "read_ns: 1.5"),
    ],
)
def test_a_wrong_argument_is_refused_by_the_name_of_its_key(argument, message):
    with pytest.raises(ValueError, match=message):
        DiskSettings.from_argument(argument)


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ({"offset_sector": 8}, False),
        ({"offset_sector": 7}, True),
        ({"path": "b.img"}, False),
        ({"read_only": True}, True),
    ],
)
def test_volumes_that_overlap_are_refused_unless_both_are_read_only(other, refused):
    argument = {"volumes": [WEB, WEB | {"name": "web1"} | other]}
    if refused:
        with pytest.raises(ValueError, match=r"web0 and web1 overlap in a\.img"):
            DiskSettings.from_argument(argument)
    else:
        DiskSettings.from_argument(argument)


def test_read_only_volumes_may_share_sectors():
    golden = WEB | {"read_only": True}
    assert len(DiskSettings.from_argument({"volumes": [golden, golden]}).volumes) == 2
