"""`python -m tui` is `vestnik`."""

from tui.cli import main

if __name__ == "__main__":
    main()
