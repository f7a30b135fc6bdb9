//! Choosing rules and scenarios by pattern.

/// A pattern that matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {what} matches `{pattern}`; `ordinal list {what}s` names them all")]
pub struct NoSuchRule {
    /// `rule` or `scenario`.
    pub what: &'static str,
    /// The pattern that was given.
    pub pattern: String,
}

/// Whether `name` matches `pattern`, in which `*` stands for any text and `?` for any one character.
/// Upper and lower case are the same.
pub fn matches_glob(pattern: &str, name: &str) -> bool {
    fn matches(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                matches(rest, name) || name.split_first().is_some_and(|(_, tail)| matches(pattern, tail))
            }
            (Some((b'?', rest)), Some((_, tail))) => matches(rest, tail),
            (Some((a, rest)), Some((b, tail))) => a.eq_ignore_ascii_case(b) && matches(rest, tail),
            _ => false,
        }
    }
    matches(pattern.as_bytes(), name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("SS-ORD-*", "SS-ORD-01", true),
            ("ss-ord-0?", "SS-ORD-01", true),
            ("SS-ORD-0", "SS-ORD-01", false),
            ("*", "", true),
            ("*-01", "SS-ORD-01", true),
            ("*-01", "SS-ORD-012", false),
        ] {
            assert_eq!(matches_glob(pattern, name), expected, "{pattern} {name}");
        }
    }
}
