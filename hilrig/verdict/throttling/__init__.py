"""Whether the hardware slowed itself down."""
