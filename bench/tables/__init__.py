"""The tables of `make bench`, one module each: `run(args)` measures and returns its rows, `show(rows)` prints them."""
