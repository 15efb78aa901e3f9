//! Operation and shape facts, generated from the published service models.
