"""The program `mlp`, on the running suite."""

import os
import subprocess

from .suite import setting


def mlp(*arguments, status=0, everything=False, **environment):
    """What `mlp` prints on standard output, or everywhere; nobody is at its terminal."""
    done = subprocess.run(
        [setting("MLP_BINARY"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    if done.returncode != status:
        raise AssertionError(f"mlp {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr if everything else done.stdout
