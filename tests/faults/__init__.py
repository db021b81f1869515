"""What goes wrong where programs run: each fault a few times, or many times with ``--all``."""
