"""What the local suite adds to ministack.

- ``emulator`` is the only module that imports ministack, and lists every name of it that the package uses.
- ``services`` are services that ministack lacks.
- ``patches`` change what ministack has, one file for each behaviour, with the reason and AWS's documentation.
- ``install`` applies them, ``control`` serves the paths ``/_mlp/...``, ``server`` runs the process.
"""
