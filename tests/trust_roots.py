"""Trust roots with real keys, at a moment that a test chooses."""

from dataclasses import dataclass, field
from pathlib import Path

from hilrig.app.trust.making import MadeRoot, NewKey, RootChange, first_root, next_root
from hilrig.attest.public_key import PublicKey, public_key_of_signer
from hilrig.attest.validity import parse_moment
from hilrig.core.trust import Role
from signed_runs import Signer

NOW_NS = parse_moment("2026-11-21T06:00:00Z", name="now")
DAY_NS = 86_400 * 10**9


@dataclass
class Roots:
    """A folder with a trust root and the keys of those who sign: each is made when it is first asked for."""

    folder: Path
    signers: dict[str, Signer] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "trust.json"

    @property
    def floor(self) -> Path:
        return self.folder / "home" / "trust_floor.json"

    def signer(self, name: str) -> Signer:
        if name not in self.signers:
            self.signers[name] = Signer(self.folder / "keys", name)
        return self.signers[name]

    def key(self, name: str) -> PublicKey:
        return public_key_of_signer(self.signer(name).signer)

    def new(self, role: Role, name: str, *words: str, from_ns: int | None = None) -> NewKey:
        """Return a key that is to be trusted; the words are its classes, an approver's its roles."""
        if role is Role.APPROVER:
            return NewKey(role=role, public_key=self.key(name), owner=name, approver_roles=words)
        return NewKey(
            role=role,
            public_key=self.key(name),
            owner=name,
            device_classes=words or ("*",),
            not_before_ns=from_ns,
        )

    def first(self, *keys: NewKey, roots: tuple[str, ...] = ("root",), **changes) -> MadeRoot:
        """Make version 1, by all its root keys unless `by` names others."""
        by = changes.pop("by", roots)
        now_ns = changes.pop("now_ns", NOW_NS)
        add = (*(self.new(Role.ROOT, name) for name in roots), *keys)
        change = RootChange(add=add, **{"expires_days": 365.0, "key_days": 1_095.0, **changes})
        return first_root(self.path, change, self._signers(by), now_ns=now_ns)

    def rotate(
        self, *keys: NewKey, by: tuple[str, ...] = ("root",), now_ns: int = NOW_NS + DAY_NS, **changes
    ) -> MadeRoot:
        """Make the next version a day later."""
        change = RootChange(add=keys, **{"expires_days": 365.0, "key_days": 1_095.0, **changes})
        return next_root(self.path, change, self._signers(by), now_ns=now_ns, floor=self.floor)

    def fingerprints(self, *names: str) -> frozenset[str]:
        return frozenset(self.key(name).fingerprint for name in names)

    def _signers(self, names: tuple[str, ...]):
        return [self.signer(name).signer for name in names]
