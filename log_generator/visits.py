"""Who comes to the shop, and which of their habits are due when they do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from log_generator.customers import GUEST, HABITS, Customers
from log_generator.traffic import DAY_S

GUESTS = 0.10  # share of the visits
_STRENGTHS = np.linspace(0, 1, HABITS)  # the first habits are the firmest
_MEAN_GAP_S = 21 * DAY_S  # stands in for the visit before the first one seen


@dataclass(frozen=True, slots=True)
class Visits:
    """In the order of time; a guest shops with the taste of some customer, but without habits."""

    times: NDArray[np.int64]
    tastes: NDArray[np.int64]  # the customer whose taste it is
    customers: NDArray[np.int64]  # the same, or GUEST


@dataclass(slots=True)
class Door:
    """Counts the customers in and remembers when each came last."""

    customers: Customers
    last_visits: NDArray[np.int64]

    @classmethod
    def opened(cls, seed: int, start: int, customers: Customers) -> "Door":
        gaps = np.random.default_rng((seed, 4)).exponential(_MEAN_GAP_S, len(customers))
        return cls(customers, start - gaps.astype(np.int64))

    def visits(self, rng: np.random.Generator, times: NDArray[np.int64]) -> Visits:
        tastes = self.customers.visiting(rng.random(len(times)), times)
        guest = rng.random(len(times)) < GUESTS
        return Visits(times, tastes, np.where(guest, GUEST, tastes))

    def due_habits(
        self, rng: np.random.Generator, visits: Visits
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Each visitor's habits, the due ones first, the firm ones more often, and which are due."""
        who = visits.tastes
        last = self._enter(visits)[:, None]
        phase, rhythm = self.customers.phase_s[who], self.customers.rhythm_s[who]
        turns_now = np.floor((visits.times[:, None] - phase) / rhythm)
        due = turns_now > np.floor((last - phase) / rhythm)
        due &= (visits.customers != GUEST)[:, None]
        order = np.argsort(rng.random((len(who), HABITS)) + _STRENGTHS + 2 * ~due, axis=1)
        habits = np.take_along_axis(self.customers.habits[who], order, axis=1)
        return habits, np.take_along_axis(due, order, axis=1)

    def _enter(self, visits: Visits) -> NDArray[np.int64]:
        """When each visitor was here before; from now on this visit is their last one."""
        before = visits.times.copy()
        known = np.flatnonzero(visits.customers != GUEST)
        known = known[np.argsort(visits.customers[known], kind="stable")]  # by customer, then by time
        customer, time = visits.customers[known], visits.times[known]
        previous = self.last_visits[customer]
        again = np.flatnonzero(customer[1:] == customer[:-1]) + 1
        previous[again] = time[again - 1]
        before[known] = previous
        self.last_visits[customer] = time  # the latest of a customer stands last and stays
        return before
