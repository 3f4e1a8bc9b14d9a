"""Read and write tables of picks, labels and true particles in the formats of other programs."""

from activepick.formats.duplicates import find_duplicates
from activepick.formats.exposures import Exposures, read_exposures
from activepick.formats.folder_reader import read_folder, read_picks
from activepick.formats.folder_writer import PickFolder, write_folder
from activepick.formats.format import Format
from activepick.formats.names import NameMatch, match_names, micrograph_stem, without_uid
from activepick.formats.registry import FORMATS, choose_format, read_table, write_table
from activepick.formats.relion_job import write_coordinate_index
from activepick.formats.relion_micrographs import RelionMicrographs, read_relion_micrographs
from activepick.formats.table_warnings import TableWarning

__all__ = [
    "FORMATS",
    "Exposures",
    "Format",
    "NameMatch",
    "PickFolder",
    "RelionMicrographs",
    "TableWarning",
    "choose_format",
    "find_duplicates",
    "match_names",
    "micrograph_stem",
    "read_exposures",
    "read_folder",
    "read_picks",
    "read_relion_micrographs",
    "read_table",
    "without_uid",
    "write_coordinate_index",
    "write_folder",
    "write_table",
]
