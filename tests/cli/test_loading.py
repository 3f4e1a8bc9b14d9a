from itertools import product

import pytest

from activepick.cli.loading import _usable
from activepick.micrograph import Micrograph


class Engine:
    """Finds bright particles in given micrographs."""

    def __init__(self, bright) -> None:
        self.bright, self.checked = bright, []

    def looks_inverted(self, micrograph) -> bool:
        self.checked.append(micrograph)
        return micrograph in self.bright


@pytest.mark.parametrize("flags", [f for n in (1, 2, 3, 4) for f in product((0, 1), repeat=n)])
def test_the_polarity_is_that_of_most_of_three_micrographs(flags, capsys):
    files = [Micrograph(f"{k}.mrc") for k in range(len(flags))]
    engine = Engine([file for file, flag in zip(files, flags, strict=True) if flag])
    assert _usable(engine, files) == files
    asked = flags[:3]
    assert ("look bright" in capsys.readouterr().err) == (2 * sum(asked) > len(asked))
    # The last one is not checked if the others are enough.
    fewest = {2: 1, 3: 2}.get(len(asked), len(asked))
    is_enough = len(set(flags[:fewest])) == 1 and not (len(asked) == 2 and flags[0])
    assert len(engine.checked) == (fewest if is_enough else len(asked))
