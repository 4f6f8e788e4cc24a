"""Environment variables that hilrig reads: those for people, those that it tells its own processes with."""

VARIABLES = {
    "HILRIG_HOME": "The folder of what belongs to this user: keys, baselines, virtual rigs, the rig's lock. "
    "Else `$XDG_CONFIG_HOME/hilrig` or `~/.config/hilrig`, and the lock in the folder for temporary files.",
    "HILRIG_RIGS": "The folder of rig files, as `--rigs`.",
    "HILRIG_HOLDER": "Who asks for a rig, for a CI job. Else `user@host`.",
    "HILRIG_OPERATOR": "Who starts or stops a run, as `--operator`.",
    "HILRIG_STORE": "The model store of a node, as `--store`.",
    "HILRIG_LOCK_FOLDER": "The folder of the rig's lock alone, one for all users of the machine.",
    "HILRIG_CRASH_AT": "For power-loss tests: kill the node's command at `POINT[:N]` ([points](../node.md)).",
    "HILRIG_DISK_TRACE": "For power-loss tests: the file that a store's file calls are recorded in.",
    "NO_COLOR": "Print no colours.",
}
"""What a person or a CI job may set."""

ITS_OWN = {
    "HILRIG_COMPANION": "marks a companion's processes, so that none is left behind",
    "HILRIG_RUN": "marks a run's processes on a rig, so that none is left behind",
    "HILRIG_FRAMES_OFFSET": "told to a pipeline behind the ring, see docs/ring.md",
}
"""What hilrig sets for others."""
