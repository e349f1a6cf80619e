"""This library with exact numbers: the same, read as `Decimal`."""

from decimal import Decimal
from functools import partial

from contestants import depthactors_float

DISTRIBUTION = depthactors_float.DISTRIBUTION
prepare = depthactors_float.prepare
follow = partial(depthactors_float.follow, number=Decimal)
