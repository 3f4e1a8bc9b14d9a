import numpy as np
import pytest

from activepick.errors import TableError
from activepick.formats.refusals import refuse_filament, refuse_tomogram, varies


def test_refusals_name_the_file_the_line_and_the_reason():
    with pytest.raises(TableError) as caught:
        refuse_tomogram("a.star", "particles in tomograms (rlnTomoName)", 7)
    assert str(caught.value).startswith(
        "a.star, line 7: these are particles in tomograms (rlnTomoName), and tomograms are not "
        "supported"
    )
    with pytest.raises(TableError, match=r"^a\.box: these are points on filaments, not particles"):
        refuse_filament("a.box")


def test_varies_needs_two_different_finite_numbers():
    assert varies([0.0, 1.5])
    assert varies(["0", "2.5"])
    assert not varies([3.0, 3.0, np.nan])
    assert not varies(["<NA>", "none"])
    assert not varies([np.inf, 1.0])
    assert not varies([])
