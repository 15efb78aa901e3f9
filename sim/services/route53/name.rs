//! Domain names as Route 53 keeps them: lower case, a final dot, and `\ooo` for every unusual character.

/// Why a name is not a domain name, in Route 53's own code and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameFault {
    pub code: &'static str,
    pub text: &'static str,
}

const EMPTY_LABEL: NameFault = NameFault {
    code: "DomainLabelEmpty",
    text: "Domain label is empty",
};
const LONG_LABEL: NameFault = NameFault {
    code: "DomainLabelTooLong",
    text: "Domain label is too long",
};
const LONG_NAME: NameFault = NameFault {
    code: "DomainNameTooLong",
    text: "Domain name is too long",
};
const BAD_ESCAPE: NameFault = NameFault {
    code: "UnsupportedEscape",
    text: "Value contains an unsupported escape",
};
const BAD_CHARACTER: NameFault = NameFault {
    code: "UnsupportedCharacter",
    text: "Value contains unsupported characters",
};

/// The name as it is kept. `*.Example.com` becomes `\052.example.com.`.
pub(super) fn canonical(raw: &str) -> Result<String, NameFault> {
    if raw == "." {
        return Ok(".".to_owned());
    }
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    let bytes = raw.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        let kept = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => {
                let digits = bytes.get(at..at + 3).ok_or(BAD_ESCAPE)?;
                let text = std::str::from_utf8(digits).map_err(|_| BAD_ESCAPE)?;
                at += 3;
                u8::from_str_radix(text, 8).map_err(|_| BAD_ESCAPE)?
            }
            b' ' | 0x00..=0x1f | 0x7f..=0xff => return Err(BAD_CHARACTER),
            other => other,
        };
        if let Some(label) = labels.last_mut() {
            label.push(kept.to_ascii_lowercase());
        }
    }
    // The dot at the end, if any, has left an empty label behind.
    if labels.len() > 1 && labels.last().is_some_and(Vec::is_empty) {
        labels.pop();
    }
    if labels.iter().any(Vec::is_empty) {
        return Err(EMPTY_LABEL);
    }
    if labels.iter().any(|label| label.len() > 63) {
        return Err(LONG_LABEL);
    }
    if labels.iter().map(|label| label.len() + 1).sum::<usize>() > 255 {
        return Err(LONG_NAME);
    }
    let mut name = String::with_capacity(raw.len() + 1);
    for label in &labels {
        for byte in label {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(*byte)),
                other => name.push_str(&format!("\\{other:03o}")),
            }
        }
        name.push('.');
    }
    Ok(name)
}

/// The labels of a canonical name, from left to right.
pub(super) fn labels(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    name.split('.').filter(|label| !label.is_empty())
}

/// The name with its labels turned around, by which Route 53 sorts: `www.example.com.` is `com.example.www.`.
pub(super) fn reversed(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for label in labels(name).rev() {
        out.push_str(label);
        out.push('.');
    }
    out
}

/// Whether a canonical name is the zone's own name or lies below it.
pub(super) fn within(name: &str, zone: &str) -> bool {
    zone == "."
        || name == zone
        || name
            .strip_suffix(zone)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// The name without its leftmost label.
pub(super) fn parent(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once('.')?;
    (!rest.is_empty()).then_some(rest)
}
