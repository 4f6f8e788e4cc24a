"""A rig made of software: a small Debian under QEMU, for tests of everything but speed."""
