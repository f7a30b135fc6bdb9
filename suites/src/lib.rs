//! Scenarios and rules of the StatefulSet certification, and their registry.
