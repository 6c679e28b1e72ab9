"""Writes the tables that come from other sources: all of them, or those that are named.

python tests/write_tables.py [regions] [taggable] [create-only]
"""

import sys

from mlp_tests.tables import create_only, regions, taggable

TABLES = {"regions": regions.write, "taggable": taggable.write, "create-only": create_only.write}

for name in sys.argv[1:] or TABLES:
    TABLES[name]()
