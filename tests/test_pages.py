"""What the pages of the folders say is so: their programs, diagram, figures, links and names."""

import os
import pkgutil
import re
import signal

import pytest

from depthactors import markets
from depthactors.actors.book_timers import _REFRESH_SPREAD
from depthactors.actors.snapshots import _RESERVES
from depthactors.exchange import LocalExchange
from depthactors.pacing import WeightBudget
from depthactors.sharing import book_size
from depthactors.sync import Priority
from depthactors.sync.table import diagram
from tests.page_support import PAGES, ROOT, anchors, name_of, python_blocks, text
from tests.support import table, write_recording

PAGE = 4096
ARCHITECTURE = text("depthactors/README.md")
GUIDES = text("examples/README.md")
BENCHMARKS = text("tests/bench/README.md")
BLOCKS = [block for page in PAGES if page != ROOT / "README.md" for block in python_blocks(name_of(page))]
TESTS = [block for block in BLOCKS if "def test_" in block]
PROGRAMS = [block for block in BLOCKS if block not in TESTS]


def test_the_top_level_holds_these_and_nothing_else():
    files = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"}
    # `build` and `dist` are made by builds, `PKG-INFO` is a source distribution's.
    assert files - {"build", "dist", "PKG-INFO"} == {
        "LICENSE",
        "README.md",
        "depthactors",
        "examples",
        "pyproject.toml",
        "setup.cfg",
        "tests",
    }


@table("page", PAGES)
def test_links_within_a_page_and_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


@pytest.fixture
def sigterm():
    """Put back the handler that a program may set."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Go to a folder with a recording, under the name and of the time that the guides have."""
    [time] = [float(text) for text in re.findall(r"book_at\(.*?, ([\d_.]+)\)", GUIDES)]
    diff = b'{"e":"depthUpdate","E":%d,"s":"BTCUSDT","U":%d,"u":%d,"b":[["99","1"]],"a":[["101","1"]]}'
    snapshot = b'{"lastUpdateId":1,"bids":[["99","1"]],"asks":[["101","1"]]}'
    begin = int(time * 1e9)
    lines = [(begin, diff % (1, 1, 1)), (begin, snapshot), (begin + 1_000_000_000, diff % (2, 2, 2))]
    write_recording(tmp_path / "btcusdt.gz", lines)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_each_program_runs(program, sigterm, recorded, monkeypatch, capsys):
    with LocalExchange.with_order_flow(rate=50.0, levels=5.0) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        # A machine has one engine of a name, and another program may have the name that the page has.
        program = program.replace('"books"', f'"books-{os.getpid()}"')
        exec(compile(program, "a page", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_a_prompt_takes_each_program_as_it_stands():
    # An empty line ends a block of statements there.
    for program in PROGRAMS:
        assert not re.search(r"\n\n(?= )", program), program


@pytest.mark.parametrize("block", TESTS, ids=range(len(TESTS)))
def test_each_test_passes(block, local_exchange):
    namespace = {}
    exec(compile(block, "a page", "exec"), namespace)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test(local_exchange)


def test_the_programs_of_the_folder_are_all_in_the_guides():
    named = {name for row in GUIDES.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+\.py)`", row)}
    assert named == {path.name for path in (ROOT / "examples").glob("*.py")}


def test_the_files_that_answer_a_question_define_the_names():
    rows = re.findall(r"^\| (.+\?) \| (.+) \|$", ARCHITECTURE, re.MULTILINE)
    assert len(rows) >= 5
    wrong = []
    for question, places in rows:
        files = re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", places)
        assert 0 < len(files) <= 3, question
        for file, names in files:
            source = (ROOT / "depthactors" / file).read_text(encoding="utf-8")
            defined = set(re.findall(r"^\s*(?:class |def )?(\w+)\b", source, re.MULTILINE))
            wrong += [(question, file, name) for name in re.findall(r"`(\w+)`", names) if name not in defined]
    assert wrong == []


def test_the_modules_that_the_architecture_names_are_there():
    named = set(re.findall(r"`(\w+/[\w/]+\.py)`", ARCHITECTURE))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / "depthactors" / name).is_file()] == []


def test_what_docstrings_and_comments_name_of_the_package_is_there():
    # A name like `sync.table`, or `actors.cell.Lease`: the first part is a folder or a module of the package.
    package = ROOT / "depthactors"
    first = {path.stem for path in package.iterdir() if not path.name.startswith("_")}
    missing = []
    for path in package.rglob("*.py"):
        for name in re.findall(r"`((?:[a-z_]+\.)+\w+)`", path.read_text(encoding="utf-8")):
            if name.partition(".")[0] in first:
                try:
                    pkgutil.resolve_name(f"depthactors.{name}")
                except (ImportError, AttributeError):
                    missing.append((str(path.relative_to(ROOT)), name))
    assert missing == []


def test_the_page_of_the_tests_names_every_folder_of_tests():
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert [name for name in sorted(folders) if f"`{name}/`" not in text("tests/README.md")] == []


def test_the_state_diagram_is_drawn_from_the_table():
    assert f"```mermaid\n{diagram()}\n```" in ARCHITECTURE


def test_the_memory_of_a_shared_book_is_what_it_says():
    sizes = [book_size(depth) for depth in (20, 100, 1_000)]
    kilobytes = [f"{size / 1000:.0f} kB" for size in sizes]
    said = f"{kilobytes[0]} of shared memory at 20 levels a side, {kilobytes[1]} at 100, {kilobytes[2]} at 1,000"
    assert said in GUIDES
    # In whole pages, beside the engine's own few.
    fitting = [((64 << 20) - 5 * PAGE) // (-(-size // PAGE) * PAGE) for size in sizes]
    said = re.search(
        r"64 MB has room for some ([\d,]+), ([\d,]+) or\s+(\d+) books of 20, 100 or 1,000 levels", GUIDES
    ).groups()
    assert [int(number.replace(",", "")) for number in said] == [5_400, 2_000, 250]
    assert all(0.95 * fits < int(number.replace(",", "")) <= fits for number, fits in zip(said, fitting, strict=True))


@table("depth", [67, 333, 667])
def test_what_an_address_has_weight_for_is_what_it_says(depth):
    spot = markets.SPOT
    limit = spot.snapshot_limit(depth)
    assert spot.snapshot_limit(depth + 1) > limit
    weight = spot.snapshot_weight(limit)
    begun = _in_a_minute(weight, _RESERVES[Priority.NEW])
    # Spread over the last fifth of the interval, a refresh comes every 27 minutes.
    refreshed = int((1 - _REFRESH_SPREAD / 2) * 30 * _in_a_minute(weight, _RESERVES[Priority.REFRESH]))
    assert f"| to {depth} | {limit:,} | {weight} | {begun:,} | {refreshed:,} |" in BENCHMARKS


def _in_a_minute(weight, reserve):
    """Return how many requests of a weight fit into a minute that has just been looked at."""
    budget = WeightBudget(markets.SPOT.weight_per_minute)
    return next(number for number in range(10_000) if budget.take(weight, 90.0, reserve))
