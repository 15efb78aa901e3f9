//! `test`, which is also called `[`.

use std::borrow::Cow;

/// Operators that a shell's `test` knows and this one does not.
const UNKNOWN: &[&str] = &[
    "!", "(", ")", "-a", "-o", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot",
    "-ef", "-b", "-c", "-d", "-e", "-f", "-g", "-h", "-k", "-L", "-O", "-G", "-p", "-r", "-S",
    "-s", "-t", "-u", "-w", "-x",
];

/// Whether the condition holds; the error is the line that the shell writes.
pub fn test(name: &str, operands: &[Cow<'_, str>]) -> Result<bool, String> {
    let mut words: Vec<&str> = operands.iter().map(Cow::as_ref).collect();
    if name == "[" && words.pop() != Some("]") {
        return Err("sh: [: missing ]".into());
    }
    let unexpected = |word: &str| match word {
        "" => Err(format!("sh: {name}: unexpected operator")),
        word => Err(format!("sh: {name}: {word}: unexpected operator")),
    };
    match words.as_slice() {
        [] => Ok(false),
        [one] => Ok(!one.is_empty()),
        [a, "=", b] => Ok(a == b),
        [a, "!=", b] => Ok(a != b),
        ["-z", one] => Ok(one.is_empty()),
        ["-n", one] => Ok(!one.is_empty()),
        words if words.iter().any(|word| UNKNOWN.contains(word)) => {
            let words = words.join(" ");
            Err(format!(
                "sh: {name}: {words}: not something that this image can run"
            ))
        }
        [_, operator @ ("=" | "!=")] => Err(format!("sh: {name}: {operator}: argument expected")),
        [_, "=" | "!=", next, ..] | ["-z" | "-n", next, ..] => unexpected(next),
        [first, ..] => unexpected(first),
    }
}
