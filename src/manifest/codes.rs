//! The codes that a value's own type gives when it refuses what was written.

/// Codes that may lead a type's refusal (`E1026 …`), so that serde can carry them.
const LEADING: &[&str] = &[
    "E1023", "E1024", "E1026", "E1027", "E1028", "E1034", "E1040", "E1060", "E1061", "E1062",
    "E1072", "E1084",
];

/// Splits a refusal into its code and the rest.
pub fn leading(message: &str) -> Option<(&'static str, &str)> {
    let (first, rest) = message.split_once(' ')?;
    LEADING
        .iter()
        .find(|code| **code == first)
        .map(|code| (*code, rest))
}
