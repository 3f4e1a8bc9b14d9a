"""Tables of picks, labels and true particles, in the formats of other programs."""

from activepick.formats.names import NameMatch, match_names, micrograph_stem
from activepick.formats.registry import FORMATS, Format, choose_format, read_table, write_table
from activepick.formats.relion_star import read_micrograph_names
from activepick.formats.relion_star_writer import write_coordinate_index
from activepick.formats.text import TableWarning

__all__ = [
    "FORMATS",
    "Format",
    "NameMatch",
    "TableWarning",
    "choose_format",
    "match_names",
    "micrograph_stem",
    "read_micrograph_names",
    "read_table",
    "write_coordinate_index",
    "write_table",
]
