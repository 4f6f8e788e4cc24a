"""The timed part: feeder, worker, sampler loop, stall sentinel, supervisor."""
