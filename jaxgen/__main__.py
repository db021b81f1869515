"""``python -m jaxgen VERB ...`` is the command ``jaxgen VERB ...``."""

from jaxgen.cli.main import main

if __name__ == "__main__":
    main()
