//! A world that survives the death of its process.
