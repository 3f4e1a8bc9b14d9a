"""STAR files: `grammar` finds the tables, `rows` reads their values, `writer` writes them."""
