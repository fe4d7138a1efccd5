#!/usr/bin/env python3
"""Sculler beside its peers and beside the physical limit, in one run: medians of interleaved rounds, ratios.

    bench/run.py [TABLE...] [--rounds N] [--seconds S] [--sculler PATH] [--json]

Tables: calls, starts, forest, load, quality (all of them by default).  Numbers belong to the machine and the minute; ratios travel.
"""

import argparse
import json
import pathlib
import subprocess
import sys

from tables import calls, common, forest, load, quality, starts

TABLES = {"calls": calls, "starts": starts, "forest": forest, "load": load, "quality": quality}
TRAINED = ("pipeline", "matcher", "forest")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--sculler", type=pathlib.Path, default=common.ROOT / "build/sculler")
    parser.add_argument("--predictions", type=int, default=1_000_000, help="of the table quality")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    unknown = set(args.tables) - set(TABLES)
    if unknown:
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    for folder in TRAINED:
        subprocess.run([common.PYTHON, common.BENCH / folder / "train.py"], check=True)
    found = {}
    for name in args.tables or TABLES:
        found[name] = TABLES[name].run(args)
        if not args.json:
            TABLES[name].show(found[name])
            sys.stdout.flush()
    if args.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
