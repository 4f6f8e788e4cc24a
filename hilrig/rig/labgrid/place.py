"""labgrid's places as the rest of hilrig sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from hilrig.core.errors import PreconditionError
from hilrig.rig.labgrid.mark import Holding, Mark, holding, read_mark

_TEXT_MAX: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where the rig of a place answers, as its exporter publishes it."""

    address: str
    port: int
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A labgrid place at one moment.

    Args:
        labels: its tags.
        holder: `host/user` as labgrid says it; empty while nobody holds it. A claim, not a proof.
        allowed: others who may use it, with hilrig's marks.
        changed_s: when it changed last, seconds of the coordinator's wall clock: it is held since then or longer.
        reserved_for: who is next by a reservation; empty: nobody.
        missing: its match patterns that nothing is exported for.
        services: where its rig answers.
    """

    name: str
    labels: Mapping[str, str]
    holder: str
    allowed: tuple[str, ...]
    changed_s: float
    reserved_for: str
    missing: tuple[str, ...]
    services: tuple[Service, ...]

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The processes of hilrig that acquired it; empty: it was acquired by hand."""
        return tuple(mark for text in self.allowed if (mark := read_mark(text)) is not None)

    def is_left_behind(self) -> bool:
        """Tell whether hilrig acquired it in processes of this machine that are all gone."""
        return bool(self.marks) and all(holding(mark) is Holding.GONE for mark in self.marks)

    def held_by(self) -> str:
        """Return who holds it or is next, for a person."""
        if not self.holder:
            return f"reserved for {person(self.reserved_for)}" if self.reserved_for else "free"
        since = datetime.fromtimestamp(self.changed_s, timezone.utc)
        return f"held by {person(self.holder)} since {since:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All places at one moment.

    Args:
        me: `host/user` that labgrid knows us by.
        n_sessions: begun with the coordinator so far; one more means that the line to it broke.
        places: by name.
    """

    me: str
    n_sessions: int
    places: Mapping[str, Place]

    def place(self, name: str) -> Place:
        """Return a place.

        Raises:
            PreconditionError: labgrid has none of that name.
        """
        if name not in self.places:
            raise PreconditionError(
                f"labgrid has no place '{name}'",
                hint=f"its places: {', '.join(sorted(self.places)) or 'none'}",
            )
        return self.places[name]

    def matching(self, labels: Mapping[str, str]) -> tuple[Place, ...]:
        """Return the places with all these labels, by name.

        Raises:
            PreconditionError: there is none.
        """
        found = [place for place in self.places.values() if labels.items() <= place.labels.items()]
        if not found:
            wanted = " ".join(f"{name}={value}" for name, value in labels.items())
            raise PreconditionError(
                f"labgrid has no place with {wanted}", hint="labgrid-client -v places shows the tags of each"
            )
        return tuple(sorted(found, key=lambda place: place.name))


def read_look(answer: Mapping[str, Any]) -> Look:
    """Return what the worker saw."""
    places = [_place(values) for values in answer["places"]]
    return Look(me=answer["me"], n_sessions=answer["n_sessions"], places={place.name: place for place in places})


def person(holder: str) -> str:
    """Return `user@host` for labgrid's `host/user`."""
    host, _, user = printable(holder).partition("/")
    return f"{user}@{host}" if user else host


def printable(text: str) -> str:
    """Return text as a terminal can take it: anybody may write to a coordinator, control sequences too."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[-_TEXT_MAX:]


def _place(values: Mapping[str, Any]) -> Place:
    return Place(
        name=values["name"],
        labels=values["labels"],
        holder=values["holder"],
        allowed=tuple(values["allowed"]),
        changed_s=values["changed_s"],
        reserved_for=values["reserved_for"],
        missing=tuple(values["missing"]),
        services=tuple(Service(**service) for service in values["services"]),
    )
