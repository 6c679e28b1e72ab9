"""Patterns of policies: `*` stands for any characters, `?` for one.

A pattern is a tuple of tokens. A token is a character or one of the wildcards below, so a `*` that a policy variable
stands for is a character like any other.
"""

import collections
import functools
import re

# Any characters; any characters but `:`; one character; one character but `:`.
ANY, ANY_IN_SEGMENT, ONE, ONE_IN_SEGMENT = (object() for _ in range(4))
REGEX = {ANY: ".*", ANY_IN_SEGMENT: "[^:]*", ONE: ".", ONE_IN_SEGMENT: "[^:]"}
MANY = {ANY: lambda it: True, ANY_IN_SEGMENT: lambda it: it != ":"}
SINGLE = {ONE: lambda it: True, ONE_IN_SEGMENT: lambda it: it != ":"}

ARN_SEGMENTS = 6
# Stands for all characters that no pattern names.
OTHER = "\N{WHITE SQUARE}"


@functools.cache
def tokens(text):
    """A text with `*` and `?` as tokens."""
    return tuple({"*": ANY, "?": ONE}.get(it, it) for it in text)


@functools.cache
def arn(pattern):
    """An ARN pattern, whose wildcards stay within their segment (the sixth may hold colons); `None` if it is none.

    IAM User Guide, "IAM JSON policy elements: Resource": wildcards stand for characters "within the individual segments
    of an ARN (the parts separated by colons)"; "if the * wildcard is the last character of a resource ARN segment, it
    can expand to match beyond the colon boundaries". Second source: cloud-copilot/iam-simulate compares segment by segment
    and gives the missing segments of a short ARN a `*`. A pattern with fewer than six segments is refused here.
    """
    if pattern == (ANY,):
        return pattern
    narrow = {ANY: ANY_IN_SEGMENT, ONE: ONE_IN_SEGMENT}
    out, colons = [], 0
    for token in pattern:
        colons += token == ":"
        out.append(narrow.get(token, token) if colons < ARN_SEGMENTS - 1 else token)
    return tuple(out) if colons >= ARN_SEGMENTS - 1 else None


@functools.cache
def regex(pattern):
    """A pattern as a compiled expression; call its `fullmatch`."""
    return re.compile("".join(REGEX[it] if it in REGEX else re.escape(it) for it in pattern), re.DOTALL)


def matches(pattern, text):
    return regex(pattern).fullmatch(text) is not None


def shown(pattern):
    """A pattern as a person writes it."""
    return "".join("*" if it in MANY else "?" if it in SINGLE else it for it in pattern)


def literal(pattern):
    return not any(it in REGEX for it in pattern)


@functools.cache
def _closed(pattern, states):
    """Positions that are reached without a character: a `*` may stand for nothing."""
    reached, open_ones = set(states), list(states)
    while open_ones:
        at = open_ones.pop()
        if at < len(pattern) and pattern[at] in MANY and at + 1 not in reached:
            reached.add(at + 1)
            open_ones.append(at + 1)
    return frozenset(reached)


@functools.cache
def _after(pattern, states, character):
    reached = set()
    for at in states:
        if at == len(pattern):
            continue
        token = pattern[at]
        if token in MANY:
            if MANY[token](character):
                reached.add(at)
        elif token in SINGLE:
            if SINGLE[token](character):
                reached.add(at + 1)
        elif token == character:
            reached.add(at + 1)
    return _closed(pattern, frozenset(reached))


@functools.cache
def _ends(pattern):
    """What every text that a pattern matches begins and ends with."""
    if literal(pattern):
        text = "".join(pattern)
        return text, text
    first = next(at for at, it in enumerate(pattern) if it in REGEX)
    last = next(at for at, it in enumerate(reversed(pattern)) if it in REGEX)
    return "".join(pattern[:first]), "".join(pattern[len(pattern) - last :])


def _may_meet(include):
    """Whether beginnings and ends leave room for a text that all patterns match."""
    starts, ends = zip(*map(_ends, include), strict=True)
    longest, tail = max(starts, key=len), max(ends, key=len)
    return all(longest.startswith(it) for it in starts) and all(tail.endswith(it) for it in ends)


@functools.cache
def _next(pattern, states):
    """The characters that can follow in a pattern; `None` for any."""
    following = {pattern[at] for at in states if at < len(pattern)}
    return None if any(it in REGEX for it in following) else frozenset(following)


# Which wildcards of one pattern cover a wildcard of another one.
WIDER = {
    ANY: {ANY},
    ANY_IN_SEGMENT: {ANY, ANY_IN_SEGMENT},
    ONE: {ANY, ONE},
    ONE_IN_SEGMENT: {ANY, ANY_IN_SEGMENT, ONE, ONE_IN_SEGMENT},
}


@functools.cache
def covers(wide, narrow):
    """Whether a pattern matches everything that another one matches. `False` may also mean that it isn't obvious."""
    states = _closed(wide, frozenset([0]))
    for token in narrow:
        if token in WIDER:
            reached = set()
            for at in states:
                if at < len(wide) and wide[at] in WIDER[token]:
                    reached.add(at if wide[at] in MANY else at + 1)
            states = _closed(wide, frozenset(reached))
        else:
            states = _after(wide, states, token)
        if not states:
            return False
    return len(wide) in states


@functools.cache
def witness(include, exclude=()):
    """A shortest text that all patterns of `include` match and none of `exclude`; `None` if there is none.

    The search is exhaustive: each pattern is an automaton, and the automata run side by side over every character that a
    pattern names, and one that stands for all others. So `None` is a proof.
    """
    if not _may_meet(include) or any(covers(wide, narrow) for wide in exclude for narrow in include):
        return None
    exclude = tuple(it for it in exclude if _may_meet((*include, it)))
    patterns, needed = include + exclude, len(include)
    alphabet = sorted({it for pattern in patterns for it in pattern if it not in REGEX} | {OTHER, ":"})
    start = tuple(_closed(it, frozenset([0])) for it in patterns)
    visited, queue = {start}, collections.deque([(start, "")])
    while queue:
        state, text = queue.popleft()
        accepts = [len(pattern) in states for pattern, states in zip(patterns, state, strict=True)]
        if all(accepts[:needed]) and not any(accepts[needed:]):
            return text
        possible = [_next(pattern, states) for pattern, states in zip(include, state[:needed], strict=True)]
        known = [it for it in possible if it is not None]
        for character in sorted(frozenset.intersection(*known)) if known else alphabet:
            following = tuple(
                _after(pattern, states, character) for pattern, states in zip(patterns, state, strict=True)
            )
            # Where a pattern of `include` has no position left, no text can follow.
            if following not in visited and all(following[:needed]):
                visited.add(following)
                queue.append((following, text + character))
    return None
