"""What goes wrong where programs run: each fault a few times, or with ``--faults`` for as often as
it takes to believe it."""
