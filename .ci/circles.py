"""Find a circle of imports between modules, or between packages at any level; imports for type checkers alone count."""

import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter

import grimp

graph = grimp.build_graph("depthactors", cache_dir=None)
imports = [(module, other) for module in graph.modules for other in graph.find_modules_directly_imported_by(module)]
for level in range(2, 2 + max(module.count(".") for module in graph.modules)):
    imported = defaultdict(set)
    for pair in imports:
        one, other = (".".join(name.split(".")[:level]) for name in pair)
        if one != other:
            imported[one].add(other)
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        sys.exit(f"expected no circle of imports, was {' <- '.join(error.args[1])}")
