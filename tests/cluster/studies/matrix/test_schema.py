import pytest

from cluster.lab.config.errors import ConfigError
from cluster.studies.matrix.plan import MatrixPlan
from cluster.studies.matrix.schema import MatrixFile

AXES = "  architectures: [xen-2009, driver-domains]\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("matrix:\n", "mattrix:\n", "the file has no matrix; write matrix:"),
        ("xen-2009", "xen-2010", "small.yaml:6: 0: 'xen-2010' is not known; did you mean xen-2009?"),
        ("[reconnect, stock-linux]", "[reconnect, stock-minix]", "small.yaml:7"),
        ("[xen-2009, driver-domains]", "[xen-2009, xen-2009]", "a value of architectures is there twice"),
        ("[xen-2009, driver-domains]", "[]", "small.yaml:6"),
        ("    dom0-crash:", "    none:", "none is the column without a fault"),
        ("at: [20ms, 30ms]", "at: [30ms, 20ms]", "at ends before it begins; write at: [30ms, 90ms]"),
        ("at: [20ms, 30ms]", "at: [30ms]", "small.yaml:8"),
        ("seeds: 2", "seeds: 0", "small.yaml:5"),
        (
            "run:",
            "faults: []\nrun:",
            "the faults of a matrix are its columns; write them below matrix: faults:",
        ),
    ],
)
def test_what_is_no_matrix_is_refused(matrix, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        MatrixFile.read(matrix((old, new)))

    assert said in str(refusal.value)


def test_what_a_cell_has_wrong_is_told_with_its_line(matrix) -> None:
    plan = MatrixPlan(MatrixFile.read(matrix(("memory: 4MiB", "memory: 4GiB"))))

    with pytest.raises(ConfigError, match=r"small\.yaml:"):
        plan.case(0).cluster()
