//! What RDS promises, one sentence per test.
