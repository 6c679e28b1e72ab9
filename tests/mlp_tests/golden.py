"""The golden templates of products."""

import functools

from . import cloudformation
from .paths import TEMPLATES


@functools.cache
def templates():
    """The golden templates by name. All tests share them: a test that changes one makes a copy."""
    return {path.stem: cloudformation.load(path) for path in TEMPLATES}
