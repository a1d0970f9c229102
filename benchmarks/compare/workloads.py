"""The workloads: what is done, who acts how often, and how many events a quick and a full run take."""

import dataclasses

import jobs


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    spread: str
    customers: int
    quick_events: int  # 0: left out of a quick run.
    full_events: int
    job: object = jobs.FEATURES
    without: tuple = ()  # Systems that would take too long, by name.

    def events(self, full):
        return self.full_events if full else self.quick_events

    @property
    def is_small(self):
        """Whether each customer comes so often that a record cache of some 64 MB pays."""
        return self.customers <= 100_000


SMALL = Workload("uniform-1e4", "uniform", 10_000, 3_000_000, 24_000_000)
LARGE = Workload("uniform-1e6", "uniform", 1_000_000, 3_000_000, 24_000_000)
WORKLOADS = [
    SMALL,
    LARGE,
    Workload("uniform-1e7", "uniform", 10_000_000, 0, 24_000_000, without=("ebb-budget-0",)),
    Workload("zipf-1e6", "zipf", 1_000_000, 0, 24_000_000),
    Workload("sessions-1e6", "sessions", 1_000_000, 0, 24_000_000),
    Workload("pass-through", "uniform", 1_000_000, 0, 24_000_000, jobs.PASS_THROUGH),
    # Fewer: what replay makes of it, as JSON, has to find room on the disk.
    Workload("retail", "a shop", 20_000, 0, 6_000_000, jobs.RETAIL),
]
