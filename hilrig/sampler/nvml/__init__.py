"""NVIDIA cards, through NVML."""
