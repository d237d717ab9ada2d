"""An address: printed and read the same way, and what can be asked of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.address import Address, domain_actor, spare_actor

NAMES = st.text(st.characters(categories=("Ll", "Nd")), min_size=1)


@given(host=NAMES, actor=NAMES)
def test_what_was_printed_is_read_again(host: str, actor: str) -> None:
    address = Address(host, actor)

    assert Address.parse(str(address)) == Address.of_file(address.file) == address


@pytest.mark.parametrize(
    ("text", "parsed", "file", "domid"),
    [
        ("host0/dom0", Address("host0", "dom0"), "host0-dom0", 0),
        ("host0/dom12", Address("host0", "dom12"), "host0-dom12", 12),
        ("host0/sda", Address("host0", "sda"), "host0-sda", None),
        ("host0/spare0", Address("host0", "spare0"), "host0-spare0", None),
        ("host0/dom", Address("host0", "dom"), "host0-dom", None),
        ("host0/domus", Address("host0", "domus"), "host0-domus", None),
        ("host0/3", Address("host0", "3"), "host0-3", None),
        ("host0/web-0", Address("host0", "web-0"), "host0-web-0", None),
        ("supervisor", Address("supervisor"), "supervisor", None),
    ],
)
def test_an_address_is_taken_apart_in_one_way(
    text: str, parsed: Address, file: str, domid: int | None
) -> None:
    address = Address.parse(text)

    assert (address, str(address), address.file, address.domid) == (parsed, text, file, domid)


def test_a_domain_is_addressed_by_its_number() -> None:
    assert str(Address.domain("host0", 3)) == "host0/dom3"
    assert Address.domain("host0", 3).actor == domain_actor(3) == "dom3"
    assert Address.parse("host0/dom3").beside("hypervisor") == Address("host0", "hypervisor")


@pytest.mark.parametrize(
    ("stem", "address"),
    [("my-host-dom3", Address("my-host", "dom3")), ("supervisor", Address("supervisor"))],
)
def test_a_file_is_an_actors(stem: str, address: Address) -> None:
    assert Address.of_file(stem) == address


@pytest.mark.parametrize(
    ("actor", "is_one"),
    [("dom0", True), (domain_actor(12), True), (spare_actor(0), True), ("spare", False), ("sda", False)],
)
def test_a_spare_is_a_domain_that_has_no_number_yet(actor: str, is_one: bool) -> None:
    assert Address("host0", actor).is_domain is is_one
