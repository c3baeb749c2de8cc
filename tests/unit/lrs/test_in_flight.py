from __future__ import annotations

import uuid

from lrs.in_flight import InFlight
from lrs.log import Appended
from lrs.preparation import Candidate

TENANT = "lyon"


def make_candidate(print_: str = "a") -> Candidate:
    return Candidate(uuid.uuid4(), {}, print_, given=True)


async def test_an_accepted_statement_is_known_until_progress_has_passed_it() -> None:
    in_flight = InFlight(100)
    candidate = make_candidate()
    in_flight.accept(in_flight.reserve(TENANT, [candidate]), Appended(1, 7))
    assert in_flight.forget_stored({0: 100, 1: 7}) is True
    assert in_flight.fingerprint_of(TENANT, candidate.id) == "a"
    assert in_flight.forget_stored({1: 8}) is False
    assert in_flight.fingerprint_of(TENANT, candidate.id) is None
    assert len(in_flight) == 0


async def test_a_reserved_id_is_undecided_until_its_request_is_settled() -> None:
    in_flight = InFlight(100)
    mine, other = make_candidate(), make_candidate()
    reservation = in_flight.reserve(TENANT, [mine, other])
    (settled,) = in_flight.undecided(TENANT, [mine, other])
    assert not settled.done()
    in_flight.accept(reservation, Appended(0, 0))
    assert settled.done()
    assert in_flight.undecided(TENANT, [mine, other]) == []


async def test_a_released_id_is_free_again_for_whoever_waited() -> None:
    in_flight = InFlight(100)
    candidate = make_candidate()
    reservation = in_flight.reserve(TENANT, [candidate])
    (settled,) = in_flight.undecided(TENANT, [candidate])
    in_flight.release(reservation)
    assert settled.done()
    assert in_flight.fingerprint_of(TENANT, candidate.id) is None


async def test_part_of_a_reservation_can_be_given_up() -> None:
    in_flight = InFlight(100)
    known, fresh = make_candidate(), make_candidate("b")
    reservation = in_flight.reserve(TENANT, [known, fresh])
    in_flight.release(reservation, [(TENANT, known.id)])
    in_flight.accept(reservation, Appended(0, 3))
    assert in_flight.fingerprint_of(TENANT, known.id) is None
    assert in_flight.fingerprint_of(TENANT, fresh.id) == "b"


async def test_an_id_of_one_tenant_is_not_known_to_another() -> None:
    in_flight = InFlight(100)
    candidate = make_candidate()
    in_flight.reserve(TENANT, [candidate])
    assert in_flight.undecided("metz", [candidate]) == []
    assert in_flight.fingerprint_of("metz", candidate.id) is None


async def test_a_record_whose_place_is_unknown_is_not_remembered() -> None:
    in_flight = InFlight(100)
    in_flight.accept(in_flight.reserve(TENANT, [make_candidate()]), Appended(0, -1))
    assert len(in_flight) == 0


async def test_the_memory_is_bounded_and_the_oldest_go_first() -> None:
    in_flight = InFlight(10)
    candidates = [make_candidate() for _ in range(25)]
    for offset, candidate in enumerate(candidates):
        in_flight.accept(in_flight.reserve(TENANT, [candidate]), Appended(0, offset))
    assert len(in_flight) == 10
    known = [candidate for candidate in candidates if in_flight.fingerprint_of(TENANT, candidate.id)]
    assert known == candidates[-10:]
