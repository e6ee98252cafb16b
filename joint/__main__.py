"""`python -m joint`: the `joint` command, also under `torchrun -m joint`."""

from joint.app.cli.main import main

if __name__ == "__main__":
    main()
