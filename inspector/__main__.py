"""``inspector`` and ``python -m inspector``: what is here is imported before an interrupt can be told in one line."""

import sys


def main() -> None:
    """Run the command line and exit with the documented code."""
    try:
        from inspector.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("inspector: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
