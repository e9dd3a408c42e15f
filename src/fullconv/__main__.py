"""Runs the command line as `python -m fullconv`. Launchers of several processes use it too: torchrun -m fullconv train
…"""

from fullconv.commands.main import main

if __name__ == "__main__":
    main()
