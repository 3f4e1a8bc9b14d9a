"""The grammar of STAR files: blocks, rows, and writing them."""
