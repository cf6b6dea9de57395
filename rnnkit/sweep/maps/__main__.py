"""Records the ready maps: `python -m rnnkit.sweep.maps [--all]`. Without --all it trains what the record does not have."""

import os
import sys

from rnnkit.sweep.combination import Ended
from rnnkit.sweep.maps.ready import MAPS
from rnnkit.sweep.maps.record import known, write
from rnnkit.sweep.store import Store


def main() -> None:
    """Trains the runs map by map, and writes the record after each map."""
    os.environ["RNNKIT_STORE"] = "off"  # the record is of today
    rows = {} if "--all" in sys.argv else dict(known())
    for name, ready in MAPS.items():
        missing = [c for c in ready.sweep.combinations if c.experiment.key not in rows]
        print(f"{name}: {len(missing)} of {len(ready.sweep.combinations)} runs", file=sys.stderr)
        if not missing:
            continue
        with Store() as store:
            for e in ready.sweep.runs:
                if e.key in rows:
                    store.put(e, rows[e.key], ready.sweep.until)
            for event in ready.sweep.stream(store):
                if isinstance(event, Ended) and event.rows:
                    rows[event.experiment.key] = event.rows
                elif event:
                    print(f"  {event}", file=sys.stderr)
        keys = {c.experiment.key for ready in MAPS.values() for c in ready.sweep.combinations}
        write({key: of for key, of in rows.items() if key in keys})


if __name__ == "__main__":
    main()
