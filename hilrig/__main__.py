"""Run the command line with `python -m hilrig`."""

from hilrig.cli.main import main

main()
