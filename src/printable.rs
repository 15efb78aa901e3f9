//! Text from outside, made fit to be shown. Knows nothing of where it came from or where it goes.
//!
//! Tag values, messages from AWS and names in manifests are written by people we have never met. Shown raw they could
//! move the cursor, hide a line or reverse its reading order; so every such string goes through [`Printable`].

use std::fmt;

/// Longest text shown, in characters. What is cut off is counted.
pub const LONGEST: usize = 256;

/// Shows `text` with everything invisible or obeyed by a terminal written as an escape, and cut after [`LONGEST`].
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shown, c) in self.0.chars().enumerate() {
            if shown == LONGEST {
                return write!(f, "… (+{} characters)", self.0.chars().count() - LONGEST);
            }
            if obeyed(c) {
                write!(f, "{}", c.escape_unicode())?
            } else {
                write!(f, "{c}")?
            }
        }
        Ok(())
    }
}

/// Whether a terminal, a browser or a reader's eye would take `c` for more than itself.
fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` with the same escapes and uncut: for whole lines that are ours but carry such text inside.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) && c != '\n' {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_an_escape() {
        assert_eq!(
            Printable("a\u{1b}[2Jb\rc\u{202e}d\u{200b}").to_string(),
            r"a\u{1b}[2Jb\u{d}c\u{202e}d\u{200b}"
        );
    }

    #[test]
    fn long_text_is_cut_and_says_by_how_much() {
        let shown = Printable(&"x".repeat(300)).to_string();
        assert!(shown.ends_with("… (+44 characters)"), "{shown}");
    }
}
