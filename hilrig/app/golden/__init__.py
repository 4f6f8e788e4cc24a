"""The pipeline held against frames of known truth."""
