"""The edge node under test: model store, update agent, inference service, PLC adapter."""
