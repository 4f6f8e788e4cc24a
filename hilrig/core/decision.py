"""Which label each bit of a decision stands for."""

from collections.abc import Container, Mapping, Sequence

from hilrig.core.frame import N_LABELS_MAX


def labels_of_bits(labels: Sequence[str], thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """Return the label of each bit of `defects`, bit 0 first; at most 32.

    The first 32 labels have a bit each, with or without a threshold. Where a later label has a threshold, the
    labels with thresholds have the bits instead, in the order of the model: a classifier of a thousand classes
    may look for any 32 of them.
    """
    first = tuple(labels[:N_LABELS_MAX])
    if thresholds.keys() <= set(first):
        return first
    return tuple(label for label in labels if label in thresholds)


def found_labels(mask: int, bits: Sequence[str]) -> tuple[str, ...]:
    """Return the labels whose bits are set in a decision; `bits` comes from `labels_of_bits`."""
    return tuple(label for bit, label in enumerate(bits) if mask >> bit & 1)


def mask_of(found: Container[str], bits: Sequence[str]) -> int:
    """Return the decision in which the bits of these labels are set; labels without a bit leave no trace."""
    return sum(1 << bit for bit, label in enumerate(bits) if label in found)
