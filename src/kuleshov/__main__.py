"""Run the command line as `python -m kuleshov`."""

from kuleshov.cli.main import run

if __name__ == "__main__":
    run()
