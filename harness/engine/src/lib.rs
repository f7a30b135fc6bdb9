//! Clusters, candidates, the recorder, steps, probes and the runner.
