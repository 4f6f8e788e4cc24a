"""The PLC adapter: owns the line to the PLC, writes on a fixed grid, fails safe."""
