"""Commands that we print: in the documentation, in `mlp --help`, in reports and messages."""

import dataclasses
import html
import re
import subprocess

from .paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "events").glob("*.md"))]
# What begins a line of a shell, in texts that have no other marks.
PROGRAMS = ("aws", "cargo", "cfn-lint", "git", "mlp", "pip", "rustup", "sam")


@dataclasses.dataclass(frozen=True)
class Block:
    """Commands that are printed together, with the place where they are."""

    page: str
    line: int
    text: str
    kind: str = ""

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def blocks(page):
    """Every fenced block of a page, without the indentation of its fence."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    for found in re.finditer(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        indent, kind, body = found.groups()
        body = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        yield Block(name, text.count("\n", 0, found.start()) + 2, body, kind)


def shell_blocks(page):
    """The blocks that a reader copies into a shell, and the steps of CI jobs."""
    for block in blocks(page):
        if block.kind in ("sh", "bash", "console"):
            yield block
        elif block.kind == "yaml" and block.text.startswith("- run:"):
            yield dataclasses.replace(block, text=steps(block.text))


def steps(text):
    """The commands of a list of `run` steps."""
    out = []
    for step in re.split(r"^- run: ", text, flags=re.MULTILINE)[1:]:
        first, _, rest = step.partition("\n")
        out.append(rest if first.strip() == "|" else step)
    return "".join(re.sub(r"^    ", "", part, flags=re.MULTILINE) for part in out)


def samples(page):
    """Blocks that show a command after `$ ` and what it prints: (block, command, output)."""
    for block in blocks(page):
        if block.text.startswith("$ "):
            command, _, output = block.text[2:].partition("\n")
            yield block, command, output


def commands(text):
    """The commands of a script, each as it is printed, without a comment at its end."""
    out, current = [], ""
    for line in text.splitlines():
        current += line + "\n"
        if line.endswith("\\") or not is_whole(current):
            continue
        command = re.sub(r"\s+# [^\n]*$", "", current.strip())
        if command and not command.startswith("#"):
            out.append(command)
        current = ""
    if current.strip():
        raise AssertionError(f"a command has no end: {current}")
    return out


def is_whole(text):
    """Whether bash has all of a command: no open quote, loop or here-document."""
    checked = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    return checked.returncode == 0 and not checked.stderr


def examples(help_text):
    """The examples at the end of a command's help."""
    _, found, rest = help_text.partition("Example")
    if not found:
        return []
    lines = []
    for line in rest.splitlines()[1:]:
        if not line.startswith("  "):
            break
        lines.append(line.removeprefix("  "))
    return commands("\n".join(lines))


def report_steps(page):
    """The steps of a report's checklist and next steps: (title, what it answers, commands)."""
    for item in re.findall(r"<li>\s*<h3>(.*?)</li>", page, re.DOTALL):
        title = html.unescape(item.partition("</h3>")[0])
        answers = re.findall(r'<p class="quiet">(.*?)</p>', item, re.DOTALL)
        code = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", item, re.DOTALL)
        if code:
            yield title, html.unescape(answers[-1]) if answers else "", [html.unescape(text) for text in code]


def in_text(text):
    """The commands of a message: lines that begin with one, alone or after `To approve:`, with what continues them."""
    out, open_command = [], None
    for line in text.splitlines():
        line = re.sub(r"^To \w+: +", "", line.strip())
        if open_command is None and not re.match(rf"({'|'.join(PROGRAMS)}) [a-z-]", line):
            continue
        open_command = f"{open_command or ''}{line}\n"
        if not line.endswith("\\") and is_whole(open_command):
            out.append(open_command.strip())
            open_command = None
    return out


def differs(sample, actual):
    """What of a sample isn't in the output; nothing if it is as printed. `...`, times and the names of executions differ.

    Lines of progress come and go with the speed of AWS; every other line must come, in this order. A sample without
    progress is the whole output.
    """
    patterns = []
    progress = re.compile(r"^\[[\dms ]+\] ")
    for line in sample.splitlines():
        if progress.match(line):
            continue
        pattern = re.escape(line).replace(re.escape("..."), ".*")
        pattern = re.sub(r"\\-20\d{6}T\d{6}Z\\-[0-9a-f]+", r"-[0-9a-fTZ-]+", pattern)
        patterns.append(re.sub(r"(\d+m\\ )?\d+s\\\.$", r"[0-9ms ]+\\.", pattern))
    lines = [line for line in actual.splitlines() if not progress.match(line)]
    if not any(progress.match(line) for line in sample.splitlines()) and len(lines) != len(patterns):
        return f"the output has {len(lines)} lines, and the sample {len(patterns)}"
    at = 0
    for pattern in patterns:
        found = next((index for index in range(at, len(lines)) if re.fullmatch(pattern, lines[index])), None)
        if found is None:
            return f"no line of the output is `{pattern}`"
        at = found + 1
    return None
