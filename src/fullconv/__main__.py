"""`python -m fullconv`, which is also how launchers of several processes start it: torchrun -m fullconv train …"""

from fullconv.commands.main import main

if __name__ == "__main__":
    main()
