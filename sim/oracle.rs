//! Ground truth, from outside every API.
