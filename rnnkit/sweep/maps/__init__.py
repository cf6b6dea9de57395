"""Maps: sweeps over the sequence length that answer at which distance networks stop to learn."""

from rnnkit.sweep.maps.answer import answer
from rnnkit.sweep.maps.ready import LENGTHS, MAPS, Map

__all__ = ["LENGTHS", "MAPS", "Map", "answer"]
